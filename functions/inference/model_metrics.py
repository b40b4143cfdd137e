"""How a release does: the metrics by which its alarms watch it, live or canary."""

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from functions.common.observability import logger
from functions.inference.live_release import Track


def note_model(track: Track, *, elapsed_s: float, failed: bool = False, unsure: bool | None = None) -> None:
    """One call of the endpoint: the shares of failures and of low confidence are averages of 0 and 1.

    `unsure` is None where there is no answer. The acceptance test's own calls leave nothing.
    """
    if track == "candidate":
        return
    metrics = EphemeralMetrics()
    metrics.add_dimension(name="service", value=logger.service)
    metrics.add_dimension(name="track", value=track)
    metrics.add_metric(name="ModelFailure", unit=MetricUnit.Count, value=int(failed))
    metrics.add_metric(name="ModelLatency", unit=MetricUnit.Milliseconds, value=elapsed_s * 1000)
    if unsure is not None:
        metrics.add_metric(name="LowConfidence", unit=MetricUnit.Count, value=int(unsure))
    metrics.flush_metrics()
