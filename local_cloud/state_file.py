"""The state of the added services, kept in one JSON file between two runs."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from local_cloud.service import Service

# A datetime is kept as {"$datetime": "<ISO 8601>"}.
TIME_KEY = "$datetime"


def save(path: Path, services: Sequence[Service]) -> None:
    """Writes the state of every service; an interrupted write leaves the old file."""
    document = {service.name: service.get_state() for service in services}
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(document, default=_encode_time), encoding="utf-8")
    unfinished.replace(path)


def load(path: Path) -> dict[str, dict[str, Any]]:
    """Service name -> its state; empty when nothing was saved."""
    if not path.exists():
        return {}
    document: dict[str, dict[str, Any]] = json.loads(
        path.read_text(encoding="utf-8"), object_hook=_decode_time
    )
    return document


def _encode_time(value: Any) -> dict[str, str]:
    if isinstance(value, datetime):
        return {TIME_KEY: value.isoformat()}
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _decode_time(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value[TIME_KEY]) if set(value) == {TIME_KEY} else value
