"""S3 events on EventBridge name the object's version, as S3 does for a versioned bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3

from local_cloud.ministack_adapter import points

_version_id: ContextVar[str | None] = ContextVar("version_id", default=None)


def install() -> None:
    """Adds `detail.object.version-id` where the object has a version."""

    def fire(*arguments: Any, version_id: str | None = None, **options: Any) -> None:
        token = _version_id.set(version_id)
        try:
            fire_original(*arguments, version_id=version_id, **options)
        finally:
            _version_id.reset(token)

    def dispatch(event: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        version_id = _version_id.get()
        if event.get("Source") == "aws.s3" and version_id:
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch_original(event, *arguments, **options)

    fire_original = points.replace(
        s3,
        "_fire_s3_event",
        fire,
        *("bucket_name", "key", "event_name", "size", "etag", "deletion_type", "restore_event_data"),
        *("version_id", "sequencer", "object_extra", "record_extra"),
    )
    dispatch_original = points.replace(eventbridge, "_dispatch_event", dispatch)
