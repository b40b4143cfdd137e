"""Which photos a scoring job is about, and how many there are."""

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError, ParamValidationError

from contracts.bucket import PHOTOS, UPLOADS
from contracts.scoring import MAX_PHOTOS
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.objects import objects_below
from functions.common.s3_uris import S3Uri, S3UriError, parse_s3_uri


@dataclass(frozen=True)
class Found:
    """Objects under a prefix, and their bytes; folders' markers do not count."""

    photos: int
    total_bytes: int


def read_place(deployment: Deployment, given: str) -> S3Uri:
    """The bucket and the prefix of `s3://bucket/prefix/`.

    Raises CliError for a folder of this machine, and for a place that the deployment may not score.
    """
    try:
        place = parse_s3_uri(given.strip())
    except S3UriError as error:
        raise CliError(
            f"{given} is no place in S3.",
            f"Upload a folder first: `aws s3 cp --recursive FOLDER s3://{deployment.bucket}/{PHOTOS}NAME/`, "
            f"then `dropserve score s3://{deployment.bucket}/{PHOTOS}NAME/`.",
        ) from error
    if not place.key:
        raise CliError(
            f"{given} names a whole bucket.", f"Name a prefix of it: s3://{place.bucket}/{PHOTOS}NAME/."
        )
    if place.bucket == deployment.bucket and not re.match(f"{PHOTOS}|{UPLOADS}", place.key):
        raise CliError(
            f"Of the deployment's own bucket, photos are scored under {PHOTOS} and {UPLOADS} only.",
            f"Copy them: `aws s3 cp --recursive {given} s3://{deployment.bucket}/{PHOTOS}NAME/`.",
        )
    return place


def count_photos(deployment: Deployment, place: S3Uri, most: int | None) -> Found:
    """At most `most` of them. Raises CliError where there are none, or more than one job takes."""
    photos = total_bytes = 0
    limit = most or MAX_PHOTOS
    try:
        for key, size_bytes, _ in objects_below(deployment, place.bucket, place.key):
            if key.endswith("/"):
                continue
            if photos == limit:
                if most:
                    return Found(photos, total_bytes)
                raise CliError(
                    f"There are over {MAX_PHOTOS:,} objects under {place}.",
                    "Score it in parts, each of a longer prefix; or some of them: --max-photos N.",
                )
            photos += 1
            total_bytes += size_bytes
    except ParamValidationError as error:
        raise CliError(f"{place} is no place in S3.", "Write it as s3://bucket/prefix/.") from error
    except ClientError as error:
        if not is_error(error, "NoSuchBucket", "404"):
            raise
        raise CliError(f"There is no bucket {place.bucket}.", "See what there is: `aws s3 ls`.") from error
    if not photos:
        raise CliError(
            f"There is nothing under {place}.", f"See what there is: `aws s3 ls s3://{place.bucket}/`."
        )
    return Found(photos, total_bytes)
