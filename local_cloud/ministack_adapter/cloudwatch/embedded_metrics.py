"""Metrics that a function writes into its log, in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import lambda_svc

from local_cloud.ministack_adapter import patch_points
from local_cloud.ministack_adapter.cloudwatch import metric_points

# CloudWatch keeps the points of a minute for 15 days; a day of them is enough on one machine.
KEPT_S = 86_400
# Values are kept to so many digits, so that a minute has few of them, however many requests it has.
DIGITS = 2


def install() -> None:
    """Every line of a function's log is looked at as it comes."""
    parameters = ("func", "request_id", "log_text", "error", "duration_ms", "log_source")

    def emit(*given: Any, **named: Any) -> None:
        emit_original(*given, **named)
        text = named.get("log_text", given[2] if len(given) > 2 else "")
        if text and '"CloudWatchMetrics"' in text:
            store(text)

    emit_original = patch_points.replace(lambda_svc, "_emit_lambda_logs", emit, *parameters)
    metric_points.check()


def store(log_text: str) -> None:
    """The metrics of all lines that are documents of the format; a line that is none is passed over."""
    for line in log_text.splitlines():
        try:
            document = json.loads(line)
            metrics = list(_metrics(document))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        for namespace, name, unit, dimensions, values in metrics:
            for value in values:
                metric_points.add(namespace, name, _rounded(value), unit, dimensions, kept_s=KEPT_S)


def _metrics(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, str, str, dict[str, str], list[float]]]:
    """Namespace, name, unit, dimensions and values of each metric; once for each set of dimensions."""
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            written = document[metric["Name"]]
            values = [float(each) for each in (written if isinstance(written, list) else [written])]
            for names in directive["Dimensions"]:
                dimensions = {name: str(document[name]) for name in names}
                unit = metric.get("Unit", "None")
                yield directive["Namespace"], metric["Name"], unit, dimensions, values


def _rounded(value: float) -> float:
    if not value:
        return 0.0
    return round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
