"""How many requests each variant took, and how long they lasted."""

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Period:
    """What was seen since the metrics were last sent."""

    latencies_us: list[float] = field(default_factory=list)
    overheads_us: list[float] = field(default_factory=list)
    client_errors: int = 0
    server_errors: int = 0


class Traffic:
    """Counts for one endpoint, by variant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[str, int] = {}
        self._periods: dict[str, _Period] = {}

    def add(self, variant: str, latency_us: float, overhead_us: float, status: int) -> None:
        """One request: the model's time and the rest; `status` is the container's answer, 0 for no answer."""
        with self._lock:
            self._totals[variant] = self._totals.get(variant, 0) + 1
            period = self._periods.setdefault(variant, _Period())
            period.latencies_us.append(latency_us)
            period.overheads_us.append(overhead_us)
            period.client_errors += 400 <= status < 500
            period.server_errors += status >= 500 or status == 0

    def total(self, variant: str) -> int:
        """Requests since the endpoint was made; never goes down."""
        with self._lock:
            return self._totals.get(variant, 0)

    def take_metric_data(
        self, endpoint_name: str, instance_counts: dict[str, int], now: float
    ) -> list[dict[str, Any]]:
        """PutMetricData's MetricData for what was seen since the last call.

        As on AWS there is nothing for a variant without traffic: no zeros are sent.
        https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
        """
        with self._lock:
            periods, self._periods = self._periods, {}
        data = []
        for variant, period in periods.items():
            common = {
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint_name},
                    {"Name": "VariantName", "Value": variant},
                ],
                "Timestamp": now,
            }
            count = len(period.latencies_us)
            sums = {
                "Invocations": count,
                "InvocationsPerInstance": count / max(instance_counts.get(variant, 1), 1),
                "Invocation4XXErrors": period.client_errors,
                "Invocation5XXErrors": period.server_errors,
            }
            data += [
                {**common, "MetricName": name, "Value": float(value), "Unit": "None"}
                for name, value in sums.items()
            ]
            latencies = {"ModelLatency": period.latencies_us, "OverheadLatency": period.overheads_us}
            data += [
                {
                    **common,
                    "MetricName": name,
                    "StatisticValues": _statistics(values),
                    "Unit": "Microseconds",
                }
                for name, values in latencies.items()
            ]
        return data


def _statistics(values: list[float]) -> dict[str, float]:
    return {
        "SampleCount": float(len(values)),
        "Sum": sum(values),
        "Minimum": min(values),
        "Maximum": max(values),
    }
