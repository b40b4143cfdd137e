"""Everything that judge_model asks of S3."""

from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import (
    ACCEPTANCE,
    DOCTOR,
    METRICS,
    MODEL_ARCHIVE,
    MODEL_CARD,
    OUTPUT_ARCHIVE,
    PREDICTIONS,
    REPORT,
    REVIEW,
)
from functions.common.s3_uris import S3Uri
from functions.judge_model.artifact import MAX_PACKED_BYTES, ArtifactError

CONTENT_TYPES = {
    REPORT: "text/html; charset=utf-8",
    MODEL_CARD: "text/html; charset=utf-8",
    METRICS: "application/json",
    ACCEPTANCE: "application/json",
    PREDICTIONS: "application/x-ndjson",
    DOCTOR: "application/json",
    REVIEW: "text/csv; charset=utf-8",
}
_PHOTO_TYPE = "image/jpeg"


def read_output(model_data_uri: S3Uri, *, s3: Any) -> tuple[bytes, str]:
    """The output.tar.gz beside a model.tar.gz, and its address.

    Raises ArtifactError when it is not there, or larger than any training makes it.
    """
    folder, _, name = model_data_uri.key.rpartition("/")
    if name != MODEL_ARCHIVE:
        raise ArtifactError(f"{model_data_uri} is not the address of a {MODEL_ARCHIVE}")
    uri = S3Uri(model_data_uri.bucket, f"{folder}/{OUTPUT_ARCHIVE}")
    try:
        answer = s3.get_object(Bucket=uri.bucket, Key=uri.key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        raise ArtifactError(f"the training left no {uri}; look at the log of the training job") from error
    if answer["ContentLength"] > MAX_PACKED_BYTES:
        raise ArtifactError(f"{uri} is over {MAX_PACKED_BYTES // 1024**2} MiB, which no training makes")
    data: bytes = answer["Body"].read()
    return data, str(uri)


def publish(content: bytes, folder: S3Uri, name: str, *, s3: Any) -> str:
    """Write one of the run's files into its folder; gives its address."""
    uri = S3Uri(folder.bucket, folder.key + name)
    content_type = CONTENT_TYPES.get(name, _PHOTO_TYPE)
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content, ContentType=content_type)
    return str(uri)
