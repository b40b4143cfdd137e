"""How many requests each variant took, and how long they lasted."""

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Period:
    """What was seen since the metrics were last sent."""

    latencies_us: list[float] = field(default_factory=list)
    client_errors: int = 0
    server_errors: int = 0


class Traffic:
    """Counts for one endpoint, by variant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[str, int] = {}
        self._periods: dict[str, _Period] = {}

    def add(self, variant: str, latency_us: float, status: int) -> None:
        """One request: `status` is what the container answered, 0 for no answer."""
        with self._lock:
            self._totals[variant] = self._totals.get(variant, 0) + 1
            period = self._periods.setdefault(variant, _Period())
            period.latencies_us.append(latency_us)
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
            latency = {
                "SampleCount": float(count),
                "Sum": sum(period.latencies_us),
                "Minimum": min(period.latencies_us),
                "Maximum": max(period.latencies_us),
            }
            data.append(
                {**common, "MetricName": "ModelLatency", "StatisticValues": latency, "Unit": "Microseconds"}
            )
        return data
