"""S3 events on EventBridge, as S3 sends them: with the object's version, and a time in whole seconds.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import json
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from ministack.services import eventbridge, s3

from local_cloud.ministack_adapter import patch_points

_version_id: ContextVar[str | None] = ContextVar("version_id", default=None)


def install() -> None:
    """Adds `detail.object.version-id` where the object has a version, and cuts the time."""

    def fire(*arguments: Any, version_id: str | None = None, **options: Any) -> None:
        token = _version_id.set(version_id)
        try:
            fire_original(*arguments, version_id=version_id, **options)
        finally:
            _version_id.reset(token)

    def dispatch(event: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        version_id = _version_id.get()
        if event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            if version_id:
                detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail), "Time": _whole_seconds(event["Time"])}
        return dispatch_original(event, *arguments, **options)

    fire_original = patch_points.replace(
        s3,
        "_fire_s3_event",
        fire,
        *("bucket_name", "key", "event_name", "size", "etag", "deletion_type", "restore_event_data"),
        *("version_id", "sequencer", "object_extra", "record_extra"),
    )
    dispatch_original = patch_points.replace(eventbridge, "_dispatch_event", dispatch)


def _whole_seconds(moment: str) -> str:
    """`2026-11-22T08:30:00.123Z` without its fraction, which S3's events do not have."""
    return datetime.fromisoformat(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
