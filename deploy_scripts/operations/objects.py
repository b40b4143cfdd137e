"""Objects of the data bucket, many at a time."""

from collections.abc import Iterator, Sequence

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment

PARALLEL_CALLS = 8
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
DELETED_AT_ONCE = 1000


def objects_below(deployment: Deployment, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
    """(key, size in bytes, ETag) of each object."""
    pages = deployment.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for item in (item for page in pages for item in page.get("Contents", [])):
        yield item["Key"], item.get("Size", 0), item.get("ETag", "").strip('"')


def remove_objects(deployment: Deployment, keys: Sequence[str], advice: str) -> None:
    """Raises CliError, with `advice`, when S3 does not remove one of them."""
    for start in range(0, len(keys), DELETED_AT_ONCE):
        batch = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
        answer = deployment.aws.s3.delete_objects(
            Bucket=deployment.bucket,
            Delete={"Objects": batch, "Quiet": True},  # type: ignore[typeddict-item]
        )
        for error in answer.get("Errors", []):
            raise CliError(
                f"s3://{deployment.bucket}/{error.get('Key')} could not be removed: {error.get('Message')}.",
                advice,
            )
