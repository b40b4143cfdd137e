"""What makes a drop in the data bucket begin a run: its versions, and its events on EventBridge.

CloudFormation takes an existing bucket up as it is, and an update leaves alone what the template has not
changed, so a bucket that has lost them keeps a sound stack and begins nothing.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EVENTS = "EventBridgeConfiguration"


def restore_drop_events(s3: S3Client, bucket: str, *, say: Callable[[str], None]) -> None:
    """Turn on what is off, and say so; other settings of the bucket stay as they are."""
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        say(f"The bucket {bucket} kept no versions: versioning is turned on again")
    configuration = {**s3.get_bucket_notification_configuration(Bucket=bucket)}
    configuration.pop("ResponseMetadata", None)
    if EVENTS not in configuration:
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={**configuration, EVENTS: {}},  # type: ignore[typeddict-item]
        )
        say(f"The bucket {bucket} told nobody of a drop: its events are turned on again")
