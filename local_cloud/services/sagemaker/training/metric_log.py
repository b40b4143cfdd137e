"""Metrics that a training job prints, found by the regular expressions of its MetricDefinitions."""

import math
import re
from collections.abc import Sequence
from typing import Any

from local_cloud.service import AwsError


class MetricLog:
    """Reads log lines; the last value of each metric wins.

    `definitions` is CreateTrainingJob's MetricDefinitions. Raises AwsError ValidationException for a
    regular expression that does not compile or that captures no value.
    """

    def __init__(self, definitions: Sequence[dict[str, str]]) -> None:
        self._patterns = [(item["Name"], _compile(item)) for item in definitions]
        self._latest: dict[str, dict[str, Any]] = {}

    def read(self, line: str, timestamp: float) -> None:
        """Takes the metrics of one line; `timestamp` is in epoch seconds."""
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                value = _number(match[1])
                if value is not None:
                    self._latest[name] = {"MetricName": name, "Value": value, "Timestamp": timestamp}

    def final_metric_data(self) -> list[dict[str, Any]]:
        """DescribeTrainingJob's FinalMetricDataList so far, in the order of the definitions."""
        return [dict(self._latest[name]) for name, _ in self._patterns if name in self._latest]


def _compile(definition: dict[str, str]) -> re.Pattern[str]:
    try:
        pattern = re.compile(definition["Regex"])
    except re.error as error:
        raise AwsError(
            "ValidationException", f"Invalid regex for metric {definition['Name']}: {error}."
        ) from error
    if pattern.groups == 0:
        raise AwsError(
            "ValidationException", f"The regex for metric {definition['Name']} must contain a capture group."
        )
    return pattern


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
