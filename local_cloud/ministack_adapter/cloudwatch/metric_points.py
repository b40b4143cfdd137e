"""Points of CloudWatch's metrics: equal values of a minute are one point with a count."""

import threading
import time
from typing import Any

from ministack.services import cloudwatch

from local_cloud.ministack_adapter import patch_points

_MINUTE_S = 60
_lock = threading.Lock()


def check() -> None:
    """Raises UnsupportedMinistackError when a name of the emulator's has changed."""
    patch_points.take(cloudwatch, "_metric_bucket", "key")
    patch_points.take(cloudwatch, "_dims_key", "dims")


def add(  # noqa: PLR0913  one argument a field of a point
    namespace: str,
    name: str,
    value: float,
    unit: str,
    dimensions: dict[str, str],
    *,
    kept_s: float | None = None,
) -> None:
    """One more of a value in this minute, so that many calls take little room.

    `kept_s`: points of the metric that are older go; None: as long as the emulator keeps them.
    """
    now = time.time()
    key = (namespace, name, cloudwatch._dims_key(dimensions))
    with _lock:
        points: list[dict[str, Any]] = cloudwatch._metric_bucket(key)
        for point in reversed(points):
            if point["Timestamp"] // _MINUTE_S != now // _MINUTE_S:
                break
            if point["Value"] == value:
                point["Count"] = point.get("Count", 1.0) + 1
                return
        points.append(
            {
                "Timestamp": now,
                "Value": float(value),
                "Count": 1.0,
                "Unit": unit,
                "Dimensions": dict(dimensions),
            }
        )
        while kept_s is not None and points[0]["Timestamp"] < now - kept_s:
            del points[0]
