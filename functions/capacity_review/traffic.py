"""What was asked, minute by minute, and what the model takes from it."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from functions.capacity_review.queueing import load_for, offered_load

MINUTES_A_DAY = 1440
# Below these nothing is recommended: a day has a night, and a rate needs requests.
ENOUGH_MINUTES = MINUTES_A_DAY
ENOUGH_REQUESTS = 1000
# A review is followed by the next one after a day; until then traffic may grow for as long again.
HORIZON_DAYS = 2
MOST_GROWTH = 3.0
MOST_PEAKEDNESS = 20.0
# Below it the largest of a minute is too far from normal to tell anything of bursts.
_SMALLEST_LOAD = 0.5
# A share of fewer requests is chance. Shorter bursts than this are not presumed.
_SHARE_REQUESTS = 30
_SHORTEST_BURST_S = 5.0


@dataclass(frozen=True)
class Traffic:
    """CloudWatch's figures; each a mapping from the minute since 1970 to what it names. What is missing is 0.

    `concurrency` and `utilization` are a minute's maxima, the latter of provisioned concurrency, from 0 to 1;
    `duration_s`, `model_latency_s` and `overhead_s` its averages; the others sums.
    """

    invocations: Mapping[int, float] = field(default_factory=dict)
    throttles: Mapping[int, float] = field(default_factory=dict)
    duration_s: Mapping[int, float] = field(default_factory=dict)
    concurrency: Mapping[int, float] = field(default_factory=dict)
    utilization: Mapping[int, float] = field(default_factory=dict)
    spillover: Mapping[int, float] = field(default_factory=dict)
    endpoint_invocations: Mapping[int, float] = field(default_factory=dict)
    per_instance: Mapping[int, float] = field(default_factory=dict)
    model_latency_s: Mapping[int, float] = field(default_factory=dict)
    overhead_s: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Demand:
    """What the model works with: a rate for each minute of the past, and what a request takes.

    `per_minute` and `peaks` (the most requests in service at once) are dense, from the first minute with a
    request to the last. `burst_load`: Erlangs within the minute that was throttled most, 0 where none was.
    `growth` is how much more is to be expected; `latency_s` is None where no endpoint has told.
    """

    per_minute: list[float]
    peaks: list[float]
    throttled: float
    service_s: float
    burst_load: float
    peakedness: float
    growth: float
    latency_s: float | None

    @property
    def requests(self) -> float:
        return sum(self.per_minute)

    @property
    def busiest(self) -> float:
        """Requests of the busiest minute."""
        return max(self.per_minute, default=0.0)

    def lacks(self) -> str | None:
        """Why nothing can be recommended yet; None where there is enough."""
        if self.requests >= ENOUGH_REQUESTS and len(self.per_minute) >= ENOUGH_MINUTES:
            return None
        return (
            f"too little data: {self.requests:.0f} requests within {len(self.per_minute) / 60:.1f} hours; "
            f"a review needs {ENOUGH_REQUESTS} within at least {ENOUGH_MINUTES // 60} hours"
        )


def read_demand(traffic: Traffic, *, reserved: int | None) -> Demand:
    """`reserved`: the cap under which it was served; a minute that reached it does not tell of how many."""
    minutes = sorted({*traffic.invocations, *traffic.throttles})
    every = range(minutes[0], minutes[-1] + 1) if minutes else range(0)
    # What was throttled was asked as well.
    offered = [traffic.invocations.get(at, 0.0) + traffic.throttles.get(at, 0.0) for at in every]
    service_s = _weighted(traffic.duration_s, traffic.invocations)
    return Demand(
        per_minute=offered,
        peaks=[traffic.concurrency.get(at, 0.0) for at in every],
        throttled=sum(traffic.throttles.values()),
        service_s=service_s,
        burst_load=_burst_load(traffic, service_s, reserved),
        peakedness=_peakedness(traffic, service_s, reserved),
        growth=_growth(traffic),
        latency_s=_latency(traffic),
    )


def _weighted(values: Mapping[int, float], weights: Mapping[int, float]) -> float:
    total = sum(weights.get(at, 0.0) for at in values)
    return sum(value * weights.get(at, 0.0) for at, value in values.items()) / total if total else 0.0


def _peakedness(traffic: Traffic, service_s: float, reserved: int | None) -> float:
    """Variance over mean of the requests in service, from each minute's largest.

    Of n nearly normal samples of mean m and variance v the largest is about m + sqrt(2 v ln n): H. Cramer,
    "Mathematical Methods of Statistics" (1946), 28.6. A minute has about 60 s / service time of them.
    """
    squares = expected = 0.0
    for at, peak in traffic.concurrency.items():
        load = offered_load(traffic.invocations.get(at, 0.0), service_s)
        if load < _SMALLEST_LOAD or (reserved is not None and peak >= reserved):
            continue
        samples = max(2.0, 60 / service_s)
        squares += max(0.0, peak - load) ** 2
        expected += 2 * load * math.log(samples)
    return min(max(squares / expected, 1.0), MOST_PEAKEDNESS) if expected else 1.0


def _burst_load(traffic: Traffic, service_s: float, reserved: int | None) -> float:
    """The load at which Erlang B throttles, at the cap, the largest share that a minute saw throttled.

    Requests that come within seconds are more than their minute's average tells.
    """
    shares = {
        at: throttled / (throttled + traffic.invocations.get(at, 0.0))
        for at, throttled in traffic.throttles.items()
        if throttled + traffic.invocations.get(at, 0.0) >= _SHARE_REQUESTS
    }
    if reserved is None or not shares:
        return 0.0
    worst = max(shares, key=lambda at: shares[at])
    offered = traffic.throttles[worst] + traffic.invocations.get(worst, 0.0)
    longest = offered_load(offered, service_s) * 60 / _SHORTEST_BURST_S
    return min(load_for(reserved, shares[worst]), longest)


def _growth(traffic: Traffic) -> float:
    """The factor from now to the horizon, never below 1.

    By the median slope of the days' logarithms (Theil and Sen), of whole days only; with fewer than three
    nothing is said to grow.
    """
    days = list(_whole_days(traffic))
    logs = [math.log(total) for total in days if total > 0]
    if len(logs) < 3 or len(logs) < len(days):
        return 1.0
    slopes = [
        (logs[later] - logs[earlier]) / (later - earlier)
        for later in range(len(logs))
        for earlier in range(later)
    ]
    return min(max(math.exp(median(slopes) * HORIZON_DAYS), 1.0), MOST_GROWTH)


def _whole_days(traffic: Traffic) -> Iterator[float]:
    """Requests of each 24 hours, counted back from the last minute; a first day not whole is left out."""
    totals: dict[int, float] = defaultdict(float)
    minutes = {*traffic.invocations, *traffic.throttles}
    if not minutes:
        return
    last, first = max(minutes), min(minutes)
    for at in minutes:
        requests = traffic.invocations.get(at, 0.0) + traffic.throttles.get(at, 0.0)
        totals[(last - at) // MINUTES_A_DAY] += requests
    whole = (last - first + 1) // MINUTES_A_DAY
    yield from (totals[day] for day in reversed(range(whole)))


def _latency(traffic: Traffic) -> float | None:
    """Seconds that a model takes for one request: the average of the quieter half of its minutes.

    In the busier ones requests wait in the container, and ModelLatency has that in it.
    """
    minutes = sorted(
        (at for at in traffic.model_latency_s if traffic.per_instance.get(at)),
        key=lambda at: traffic.per_instance[at],
    )
    quiet = minutes[: max(1, len(minutes) // 2)]
    weights = {at: traffic.endpoint_invocations.get(at, 1.0) for at in quiet}
    return _weighted({at: traffic.model_latency_s[at] for at in quiet}, weights) or None
