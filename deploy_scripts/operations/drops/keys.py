"""The drops that lie in a bucket, by the keys that begin runs."""

import shlex
from collections.abc import Iterable
from datetime import datetime

from botocore.exceptions import ClientError

from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dataset_files import listed
from drops.keys import MARKER, PREFIX, dataset_of, is_marker, is_zip


def newest_drop(deployment: Deployment, bucket: str | None = None) -> str:
    """The key of the newest zip or marker below drops/. Raises CliError when there is none."""
    bucket = bucket or deployment.bucket
    drops = list_drops(deployment, bucket)
    if not drops:
        raise CliError(f"Nothing was dropped in {bucket} yet.", "Drop photos: `dropserve drop photos.zip`.")
    return drops[0]


def list_drops(deployment: Deployment, bucket: str) -> list[str]:
    """The keys of zips and markers below drops/, newest first; a zip in the folder of a drop is none."""
    found = drops_by_time(deployment, bucket)
    return sorted(found, key=lambda key: found[key], reverse=True)


def drops_by_time(deployment: Deployment, bucket: str) -> dict[str, datetime]:
    """The same keys, each with the time of its newest version."""
    pages = deployment.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    found = {
        item["Key"]: item["LastModified"]
        for page in pages
        for item in page.get("Contents", [])
        if is_marker(item["Key"]) or is_zip(item["Key"])
    }
    folders = {key.removesuffix(MARKER) for key in found if is_marker(key)}
    return {key: at for key, at in found.items() if is_marker(key) or not _lies_in(key, folders)}


def check_key(deployment: Deployment, bucket: str, key: str) -> None:
    """Raises CliError when the bucket has no such object; it names the drops that may have been meant."""
    try:
        deployment.aws.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Whoever may not ask may all the same start the run, which asks by itself.
        if is_error(error, "403", "AccessDenied"):
            return
        if not is_error(error, "404", "NoSuchKey"):
            raise
        raise CliError(
            f"There is no object s3://{bucket}/{key}.", _what_there_is(deployment, bucket, key)
        ) from error


def _what_there_is(deployment: Deployment, bucket: str, key: str) -> str:
    drops = list_drops(deployment, bucket)
    if not drops:
        return "Nothing was dropped there yet: `dropserve drop photos.zip`."
    wanted = dataset_of(key.strip("/")).lower()
    meant = [drop for drop in drops if dataset_of(drop).lower() == wanted]
    if meant:
        return f"Did you mean --key {shlex.quote(meant[0])} ?"
    return f"The newest drops are: {listed(drops)}."


def _lies_in(key: str, folders: Iterable[str]) -> bool:
    return any(key.startswith(folder) for folder in folders)
