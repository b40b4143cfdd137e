"""What the inference function counted of a release's answers in a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from contracts.drift import BINS, STATISTICS, UNKNOWN_METRIC, bin_metric

# What the inference function calls itself in its metrics.
_SERVICE = "inference"
_PERIOD_S = 3600


@dataclass(frozen=True)
class Answers:
    """Counts of a day: by bin of each statistic, and how many (known, unknown)."""

    bins: dict[str, list[int]]
    unknown: tuple[int, int]

    @property
    def count(self) -> int:
        """How many answers there were: each has one bin of confidence."""
        return sum(self.bins[STATISTICS[0]])


def read_answers(namespace: str, release: str, day: date, *, cloudwatch: Any) -> Answers:
    """Those of the day (UTC), as far as it is over. Raises ClientError or BotoCoreError."""
    asked = dict(_asked())
    begin = datetime.combine(day, time(), UTC)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[_query(name, *each, namespace, release) for name, each in asked.items()],
        StartTime=begin,
        EndTime=begin + timedelta(days=1),
    )
    sums = dict.fromkeys(asked, 0.0)
    for page in pages:
        for result in page["MetricDataResults"]:
            sums[result["Id"]] += sum(result["Values"])
    bins = {name: [round(sums[f"{name}_{place}"]) for place in range(BINS)] for name in STATISTICS}
    unknown = round(sums["unknown"])
    return Answers(bins, (round(sums["told"]) - unknown, unknown))


def metric_count() -> int:
    """How many metrics a review reads: CloudWatch charges for each."""
    return len(dict(_asked()))


def _asked() -> Iterator[tuple[str, tuple[str, str]]]:
    """An id, and its metric and statistic."""
    for name in STATISTICS:
        for place in range(BINS):
            yield f"{name}_{place}", (bin_metric(name, place), "Sum")
    yield "unknown", (UNKNOWN_METRIC, "Sum")
    yield "told", (UNKNOWN_METRIC, "SampleCount")


def _query(name: str, metric: str, statistic: str, namespace: str, release: str) -> dict[str, Any]:
    dimensions = {"service": _SERVICE, "release": release}
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": _PERIOD_S,
            "Stat": statistic,
        },
    }
