"""What the live release and its canary were asked in the last hour, minute by minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from deploy_scripts.operations.deployment import Deployment

Track = Literal["live", "canary"]
MINUTES = 60
_PERIOD_S = 60
# The metrics that functions/inference/observations.py leaves of each call of the model.
_SERVICE = "inference"


@dataclass(frozen=True)
class TrackTraffic:
    """Calls of the model, and those of them that failed, of each of the last MINUTES; the newest last."""

    calls: Sequence[float]
    failures: Sequence[float]


def read_track_traffic(deployment: Deployment) -> dict[Track, TrackTraffic]:
    """One call of CloudWatch for four metrics; they come some seconds late. Raises botocore's errors."""
    end = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(seconds=_PERIOD_S)
    start = end - timedelta(minutes=MINUTES)
    tracks: tuple[Track, ...] = get_args(Track)
    queries = [
        _query(deployment.aws.stack, f"{track}_{name}", track, statistic)
        for track in tracks
        for name, statistic in (("calls", "SampleCount"), ("failures", "Sum"))
    ]
    pages = deployment.aws.cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=end
    )
    found = {query["Id"]: [0.0] * MINUTES for query in queries}
    for page in pages:
        for result in page["MetricDataResults"]:
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                minute = int((at - start).total_seconds()) // _PERIOD_S
                if 0 <= minute < MINUTES:
                    found[result["Id"]][minute] = value
    return {track: TrackTraffic(found[f"{track}_calls"], found[f"{track}_failures"]) for track in tracks}


def _query(namespace: str, name: str, track: Track, statistic: str) -> Any:
    dimensions = {"service": _SERVICE, "track": track}
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": "ModelFailure",
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": _PERIOD_S,
            "Stat": statistic,
        },
    }
