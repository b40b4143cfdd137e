"""Alarms on a metric, evaluated as CloudWatch does: by dimensions, period after period, M out of N.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
An alarm whose metric never had a point is left as it is: a deployment on this machine is asked seldom, and
one that tells of want of requests would go off as soon as it is made.
"""

import logging
import threading
import time
from datetime import UTC, datetime
from typing import Any

from ministack.services import cloudwatch

from local_cloud.ministack_adapter import patch_points

logger = logging.getLogger(__name__)

# CloudWatch looks once a minute; here nobody waits so long without need.
INTERVAL_S = 5.0
_COMPARE = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def install() -> None:
    """In the place of the emulator's own evaluation, which knows neither dimensions nor periods."""
    patch_points.replace(cloudwatch, "_evaluate_alarm", evaluate, "alarm")
    patch_points.take(cloudwatch, "_alarms")
    patch_points.take(cloudwatch, "_record_history")
    patch_points.take(cloudwatch, "_evaluate_parent_alarms")


class Evaluation:
    """Evaluates all alarms from time to time, whether new points come or not."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL_S):
            try:
                for alarm in list(cloudwatch._alarms.values()):
                    evaluate(alarm)
            except Exception:
                logger.exception("the alarms could not be evaluated")


def evaluate(alarm: dict[str, Any]) -> None:
    """Bring one alarm into the state that its metric's last periods give."""
    new_state, reason = _state(alarm, time.time())
    old_state = alarm["StateValue"]
    if new_state is None or new_state == old_state:
        return
    moment = datetime.now(UTC).timestamp()
    alarm |= {"StateValue": new_state, "StateReason": reason}
    alarm |= {"StateUpdatedTimestamp": moment, "StateTransitionedTimestamp": moment}
    cloudwatch._record_history(alarm["AlarmName"], old_state, new_state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old_state, new_state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _state(alarm: dict[str, Any], now: float) -> tuple[str | None, str]:
    """The state and why; None where the metric tells nothing."""
    compare = _COMPARE.get(alarm.get("ComparisonOperator", ""))
    points = _points(alarm)
    if compare is None or not points:
        return None, ""
    missing = alarm.get("TreatMissingData") or "missing"
    values = _values(alarm, points, now)
    known = [value for value in values if value is not None]
    breaching = [value for value in known if compare(value, alarm["Threshold"])]
    count = len(breaching) + (len(values) - len(known) if missing == "breaching" else 0)
    needed = int(alarm.get("DatapointsToAlarm") or len(values))
    if count >= needed:
        what = f"{len(breaching)} out of the last {len(values)} datapoints {breaching} were breaching"
        return "ALARM", f"Threshold Crossed: {what} ({alarm['ComparisonOperator']} {alarm['Threshold']})"
    if not known and missing in ("missing", "ignore"):
        return ("INSUFFICIENT_DATA" if missing == "missing" else None), "no datapoint"
    return "OK", f"Threshold Crossed: {count} out of the last {len(values)} datapoints were breaching"


def _points(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metric's, of exactly the alarm's dimensions."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or []}
    key = (alarm.get("Namespace"), alarm.get("MetricName"), cloudwatch._dims_key(dimensions))
    return list(cloudwatch._metrics.get(key) or [])


def _values(alarm: dict[str, Any], points: list[dict[str, Any]], now: float) -> list[float | None]:
    """The statistic of each of the last periods, the running one among them, as CloudWatch does."""
    period_s = int(alarm.get("Period") or 60)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    end = now // period_s * period_s
    values: list[float | None] = []
    for number in range(int(alarm.get("EvaluationPeriods") or 1)):
        begin = end - number * period_s
        inside = [each for each in points if begin <= each["Timestamp"] < begin + period_s]
        stats = cloudwatch._calc_stats(inside)
        values.append(cloudwatch._stat_value(stats, statistic, inside) if stats else None)
    return values
