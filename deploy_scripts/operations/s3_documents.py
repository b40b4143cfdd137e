"""Reads what the pipeline wrote into its bucket: JSON documents and HTML reports."""

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import run_key
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from functions.common.json_text import parse_json

_ADVICE = "Something else wrote it: run the pipeline, or the audit, again."


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` as (bucket, key)."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def read_json(deployment: Deployment, uri: str) -> dict[str, Any]:
    """The JSON object at an address. Raises CliError when something else lies there."""
    bucket, key = split_uri(uri)
    text = deployment.aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        document = parse_json(text)
    except ValueError as error:
        raise CliError(f"{uri} is not JSON: {error}.", _ADVICE) from error
    if not isinstance(document, dict):
        raise CliError(f"{uri} is no JSON object.", _ADVICE)
    return document


def download_run_files(deployment: Deployment, run_id: str, names: list[str], *, to: Path) -> list[Path]:
    """Those of runs/<run id>/<name> that exist, as files of the folder `to`."""
    to.mkdir(parents=True, exist_ok=True)
    files = []
    for name in names:
        try:
            deployment.aws.s3.download_file(deployment.bucket, run_key(run_id, name), str(to / name))
        except ClientError as error:
            if not is_error(error, "404", "NoSuchKey"):
                raise
        else:
            files.append(to / name)
    return files
