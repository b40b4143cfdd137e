"""What one request of the inference function took, by the metrics that it has written into its log.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from functions.common.json_text import parse_json

# The function's metrics, in the order in which a request passes them.
_PHASES = {
    "FetchLatency": "Fetch the photo",
    "PreprocessLatency": "Decode and prepare it",
    "InvokeLatency": "Ask the endpoint",
}
_WHOLE = "RequestLatency"


@dataclass(frozen=True)
class Phase:
    """A part of a request, in milliseconds."""

    name: str
    took_ms: float


@dataclass(frozen=True)
class RequestTimes:
    """`phases` add up to `round_trip_ms`: from the call to the answer, as seen from this machine."""

    phases: tuple[Phase, ...]
    round_trip_ms: float


def read_times(log: str, *, round_trip_s: float) -> RequestTimes:
    """Of the end of a request's log; what it does not tell is a part of the time around the function."""
    found = {name: value for line in log.splitlines() for name, value in _metrics(line)}
    phases = [Phase(label, found[name]) for name, label in _PHASES.items() if name in found]
    told = sum(each.took_ms for each in phases)
    if _WHOLE in found:
        phases.append(Phase("The rest of the function", max(found[_WHOLE] - told, 0.0)))
    inside = sum(each.took_ms for each in phases)
    round_trip_ms = round_trip_s * 1000
    phases.append(Phase("Lambda, and the way there and back", max(round_trip_ms - inside, 0.0)))
    return RequestTimes(tuple(phases), round_trip_ms)


def _metrics(line: str) -> Iterator[tuple[str, float]]:
    """(metric, value) of a line that is a document of metrics; a list has a value each time it was added."""
    if '"_aws"' not in line:
        return
    try:
        document: Any = parse_json(line[line.index("{") :])
    except ValueError:
        return
    if not isinstance(document, dict):
        return
    for name in (*_PHASES, _WHOLE):
        values = document.get(name)
        values = values if isinstance(values, list) else [values]
        if all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
            yield name, float(sum(values))
