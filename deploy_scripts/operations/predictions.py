"""Asks the inference function about a photo: by its address, or by a file that is uploaded for minutes."""

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, ParamValidationError

from contracts.bucket import UPLOADS
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.function_calls import call_function, call_function_with_log
from deploy_scripts.operations.request_times import RequestTimes, read_times

# Longer than the function may take, and no longer than a retry needs.
PRESIGNED_URL_TTL_S = 900
# Far more than the function takes: it says its own limit.
MAX_PHOTO_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Prediction:
    """The function's answer; `labels` are (label, probability), the likeliest first.

    `unknown` says that the photo is unlike those of the training; None where the model cannot tell.
    `times` is of a prediction that was asked for them.
    """

    labels: list[tuple[str, float]]
    release: str
    document: dict[str, Any]
    unknown: bool | None = None
    times: RequestTimes | None = None


def predict_photo(
    deployment: Deployment, photo: str, *, explain: bool = False, timed: bool = False
) -> Prediction:
    """By an address (http, https, s3, in any case), or by a file of this machine.

    Raises CliError when there is no such photo, and with what the function said when it does not answer 200.
    """
    scheme, separator, rest = photo.strip().partition("://")
    match scheme.lower() if separator else "":
        case "":
            content = _read_file(Path(photo))
            return predict_content(deployment, content, photo, explain=explain, timed=timed)
        case "http" | "https" as known:
            return predict_url(deployment, f"{known}://{rest}", explain=explain, timed=timed)
        case "s3":
            content = _read_object(deployment, rest)
            return predict_content(deployment, content, photo.strip(), explain=explain, timed=timed)
    raise CliError(
        f"{photo} begins with {scheme}://, which is no way to give a photo.",
        "Name a file, or an address that begins with https://, http:// or s3://.",
    )


def predict_content(
    deployment: Deployment, photo: bytes, name: str, *, explain: bool = False, timed: bool = False
) -> Prediction:
    """Of a photo's bytes, which are uploaded for as long as it takes. `name` is what a person calls it.

    Raises CliError when it is too large, and with what the function said when it does not answer 200.
    """
    _check_size(name, len(photo))
    with temporary_upload(deployment, photo, PurePosixPath(name).suffix) as url:
        return predict_url(deployment, url, uploaded=name, explain=explain, timed=timed)


def predict_url(
    deployment: Deployment, url: str, *, uploaded: str = "", explain: bool = False, timed: bool = False
) -> Prediction:
    """`uploaded` names the photo that was uploaded to have this address: the function cannot know it.

    `timed`: with what the request took, by phase. Raises CliError with what the function said when it does
    not answer 200.
    """
    payload, times = _ask(deployment, {"url": url, "explain": True} if explain else {"url": url}, timed=timed)
    body = json.loads(payload["body"])
    if payload["statusCode"] != 200:
        of = f" for {uploaded}" if uploaded else ""
        fault = body.get("detail", body.get("title"))
        raise CliError(f"No prediction{of} ({payload['statusCode']}): {fault}")
    labels = [(each["label"], each["probability"]) for each in body["predictions"]]
    return Prediction(labels, body["model"]["release"], body, body.get("unknown"), times)


def _ask(
    deployment: Deployment, event: dict[str, Any], *, timed: bool
) -> tuple[dict[str, Any], RequestTimes | None]:
    of = {"what": "The inference function", "log": "inference"}
    if not timed:
        return call_function(deployment, "InferenceFunctionAliasArn", event, **of), None
    began = time.perf_counter()
    payload, log = call_function_with_log(deployment, "InferenceFunctionAliasArn", event, **of)
    return payload, read_times(log, round_trip_s=time.perf_counter() - began)


def write_heat_map(prediction: Prediction, photo: str) -> Path:
    """Write the answer's heat map into the working folder, under the photo's name; gives the file.

    Raises CliError with what the model says where it has none.
    """
    explanation = prediction.document["explanation"]
    if "png" not in explanation:
        raise CliError(f"No heat map: {explanation['refused']}.")
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(photo.partition("?")[0]).stem)[:80] or "photo"
    file = Path(f"{stem}-heat-map.png")
    file.write_bytes(base64.b64decode(explanation["png"], validate=True))
    return file


def _read_file(file: Path) -> bytes:
    """Its bytes. Raises CliError when it is no file, or too large to be a photo."""
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is no regular file" if file.exists() else "does not exist"
        raise CliError(f"{file} {what}.", "Name a photo, or an address that begins with https:// or s3://.")
    _check_size(str(file), file.stat().st_size)
    return file.read_bytes()


def _read_object(deployment: Deployment, path: str) -> bytes:
    """The same of `bucket/key`, read as the person: the function itself may read no bucket but its own."""
    bucket, _, key = path.partition("/")
    uri = f"s3://{bucket}/{key}"
    if not bucket or not key:
        raise CliError(f"s3://{path} names no object.", "Write it as s3://bucket/key.")
    try:
        answer = deployment.aws.s3.get_object(Bucket=bucket, Key=key)
    except ParamValidationError as error:
        raise CliError(f"{uri} is no address of an object.", "Write it as s3://bucket/key.") from error
    except ClientError as error:
        if not is_error(error, "NoSuchKey", "NoSuchBucket", "404"):
            raise
        raise CliError(f"There is no object {uri}.", "See what there is: `aws s3 ls`.") from error
    _check_size(uri, answer["ContentLength"])
    return answer["Body"].read()


def _check_size(name: str, size_bytes: int) -> None:
    if size_bytes > MAX_PHOTO_BYTES:
        raise CliError(
            f"{name} has {size_bytes:,} bytes; a photo may have {MAX_PHOTO_BYTES:,}.", "Name a smaller photo."
        )


@contextmanager
def temporary_upload(deployment: Deployment, photo: bytes, suffix: str) -> Iterator[str]:
    """A photo uploaded for as long as the block lasts: the address by which a function may fetch it."""
    ending = suffix.lower() if re.fullmatch(r"\.[a-z0-9]{1,5}", suffix.lower()) else ""
    key = f"{UPLOADS}{uuid4().hex}{ending}"
    s3 = deployment.aws.s3
    version = s3.put_object(Bucket=deployment.bucket, Key=key, Body=photo)["VersionId"]
    try:
        yield _presigned_url(deployment, key)
    finally:
        # By its version: nothing of it is left in the bucket, which keeps old versions.
        s3.delete_object(Bucket=deployment.bucket, Key=key, VersionId=version)


def upload_photo(deployment: Deployment, file: Path, name: str) -> str:
    """A photo put under uploads/, where the bucket keeps it for a day: its presigned address."""
    key = f"{UPLOADS}{name}"
    deployment.aws.s3.put_object(
        Bucket=deployment.bucket, Key=key, Body=file.read_bytes(), ContentType="image/jpeg"
    )
    return _presigned_url(deployment, key)


def _presigned_url(deployment: Deployment, key: str) -> str:
    return deployment.aws.s3.generate_presigned_url(
        "get_object", Params={"Bucket": deployment.bucket, "Key": key}, ExpiresIn=PRESIGNED_URL_TTL_S
    )
