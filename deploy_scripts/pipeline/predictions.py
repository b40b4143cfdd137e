"""Asks the inference function about a photo: by its address, or by a file that is lent to it for minutes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy_scripts.errors import CliError
from deploy_scripts.pipeline.deployment import Deployment

# Longer than the function may take, and no longer than a retry needs.
_LOAN_S = 900


@dataclass(frozen=True)
class Prediction:
    """The function's answer; `labels` are (label, probability), the likeliest first."""

    labels: list[tuple[str, float]]
    release: str
    document: dict[str, Any]


def predict_url(deployment: Deployment, url: str) -> Prediction:
    """Raises CliError with what the function said when it does not answer 200."""
    answer = deployment.aws.functions.invoke(
        FunctionName=deployment.outputs["InferenceFunctionAliasArn"],
        Payload=json.dumps({"url": url}).encode(),
    )
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise CliError(
            f"The inference function failed: {payload.get('errorType')}: {payload.get('errorMessage')}",
            "See `dropserve logs inference`.",
        )
    body = json.loads(payload["body"])
    if payload["statusCode"] != 200:
        raise CliError(f"No prediction ({payload['statusCode']}): {body.get('detail', body.get('title'))}")
    labels = [(each["label"], each["probability"]) for each in body["predictions"]]
    return Prediction(labels, body["model"]["release"], body)


@contextmanager
def lent_photo(deployment: Deployment, file: Path) -> Iterator[str]:
    """A photo uploaded for as long as the block lasts: the address by which a function may fetch it.

    Raises CliError when there is no such file.
    """
    if not file.is_file():
        raise CliError(f"There is no file {file}.", "Name a photo, or an address that begins with https://.")
    key = f"uploads/{uuid4().hex}{file.suffix.lower()}"
    s3 = deployment.aws.s3
    version = s3.put_object(Bucket=deployment.bucket, Key=key, Body=file.read_bytes())["VersionId"]
    try:
        yield _presigned_url(deployment, key)
    finally:
        # By its version: nothing of it is left in the bucket, which keeps old versions.
        s3.delete_object(Bucket=deployment.bucket, Key=key, VersionId=version)


def upload_photo(deployment: Deployment, file: Path, name: str) -> str:
    """A photo put under uploads/, where the bucket keeps it for a day: its presigned address."""
    key = f"uploads/{name}"
    deployment.aws.s3.put_object(
        Bucket=deployment.bucket, Key=key, Body=file.read_bytes(), ContentType="image/jpeg"
    )
    return _presigned_url(deployment, key)


def _presigned_url(deployment: Deployment, key: str) -> str:
    return deployment.aws.s3.generate_presigned_url(
        "get_object", Params={"Bucket": deployment.bucket, "Key": key}, ExpiresIn=_LOAN_S
    )
