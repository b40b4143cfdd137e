"""What a capacity comes to with the traffic that is expected: refusals, cold starts, a month's cost."""

from collections import Counter, deque
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from functions.capacity_review.instances import Replay, most_per_minute, replay
from functions.capacity_review.queueing import blocked_share, mean_busy_of, offered_load
from functions.capacity_review.traffic import Demand
from functions.common.applied_capacity import Capacity
from functions.common.prices import HOURS_A_MONTH, find_price

# Lambda does not say how long an idle environment stays; ten minutes were seen, to the minute:
# https://mikhail.io/2019/08/aws-lambda-cold-starts-after-10-minutes/
IDLE_MINUTES = 10
_MINUTES_A_MONTH = HOURS_A_MONTH * 60
# Rates of three digits are told apart, so that weeks have a few hundred of them.
_DIGITS = 3


@dataclass(frozen=True)
class Deployed:
    """What the capacity is of. `instance_type` None: a serverless endpoint, which has no instances."""

    region: str
    architecture: str
    memory_mb: int
    instance_type: str | None


@dataclass(frozen=True)
class Forecast:
    """Shares are of all requests: `throttled` by Lambda, `overload` beyond what the instances can answer."""

    throttled: float
    overload: float
    cold_starts: float
    mean_instances: float
    usd: dict[str, float | None]

    @property
    def monthly_usd(self) -> float:
        """Of what has a known price."""
        return sum(each or 0.0 for each in self.usd.values())

    def to_json(self) -> dict[str, Any]:
        return {
            "throttle_rate": round(self.throttled, 6),
            "overload_rate": round(self.overload, 6),
            "cold_start_rate": round(self.cold_starts, 6),
            "mean_instances": round(self.mean_instances, 2),
            "monthly_usd": round(self.monthly_usd, 2),
            "usd": {name: None if usd is None else round(usd, 2) for name, usd in self.usd.items()},
        }


class Model:
    """The expected traffic of a deployment: that of the past, minute by minute, times its growth."""

    def __init__(self, demand: Demand, deployed: Deployed) -> None:
        self.demand = demand
        self.deployed = deployed
        self.per_minute = [requests * demand.growth for requests in demand.per_minute]

    @cached_property
    def rates(self) -> Counter[float]:
        """Requests a minute -> how many minutes had so many, rounded to a few digits."""
        return Counter(float(f"{rate:.{_DIGITS}g}") for rate in self.per_minute)

    @property
    def busiest_load(self) -> float:
        """Erlangs of the busiest minute, or of the busiest burst in one."""
        minute = offered_load(max(self.per_minute, default=0.0), self.demand.service_s)
        return max(minute, self.demand.burst_load * self.demand.growth)

    @cached_property
    def instance_capacity(self) -> float | None:
        """Requests a minute that one instance answers at the most; None where it is not known."""
        if self.deployed.instance_type is None or self.demand.latency_s is None:
            return None
        return most_per_minute(self.deployed.instance_type, self.demand.latency_s)

    def forecast(self, capacity: Capacity) -> Forecast:
        following, throttled = self.follow(capacity), self.throttled(capacity.reserved_concurrency)
        return Forecast(
            throttled=throttled,
            overload=(1 - throttled) * following.refused,
            cold_starts=self.cold_starts(capacity.provisioned_concurrency),
            mean_instances=following.mean_instances,
            usd={
                "instances": self._instances_usd(following.mean_instances),
                "provisioned concurrency": self.provisioned_usd(capacity.provisioned_concurrency),
                "time of the function": self.function_usd(
                    capacity.provisioned_concurrency, capacity.reserved_concurrency
                ),
            },
        )

    def throttled(self, reserved: int) -> float:
        """Share of the requests that Lambda throttles at this cap."""
        total = sum(self.per_minute)
        lost = sum(rate * count * self._blocked(rate, reserved) for rate, count in self.rates.items())
        return lost / total if total else 0.0

    def follow(self, capacity: Capacity) -> Replay:
        """Target tracking over what Lambda lets in. Of instances of unknown capacity none refuses."""
        if self.deployed.instance_type is None:
            return Replay(0.0, 0.0)
        admitted = {rate: 1 - self._blocked(rate, capacity.reserved_concurrency) for rate in self.rates}
        return replay(
            [rate * admitted[float(f"{rate:.{_DIGITS}g}")] for rate in self.per_minute],
            least=capacity.min_instances,
            most=capacity.max_instances,
            target=capacity.target_invocations_per_instance,
            capacity=self.instance_capacity or float("inf"),
        )

    def cold_starts(self, provisioned: int) -> float:
        """Share of the requests for which an environment has to be started first."""
        started = sum(max(0.0, need - max(provisioned, warm)) for need, warm in self._rises)
        total = sum(self.per_minute)
        return min(1.0, started / total) if total else 0.0

    def provisioned_usd(self, provisioned: int) -> float | None:
        """A month of environments that stand started."""
        return self._gb_s_usd("provisioned", provisioned * HOURS_A_MONTH * 3600)

    def function_usd(self, provisioned: int, reserved: int) -> float | None:
        """A month of the function's time; in provisioned environments it has a price of its own."""
        service_s, share = self.demand.service_s, _MINUTES_A_MONTH / max(1, len(self.per_minute))
        ready_s = other_s = 0.0
        for rate, count in self.rates.items():
            load = offered_load(rate * (1 - self._blocked(rate, reserved)), service_s)
            busy = min(load, mean_busy_of(provisioned, load))
            ready_s += count * share * 60 * busy
            other_s += count * share * 60 * (load - busy)
        parts = [self._gb_s_usd("duration", other_s)]
        if provisioned:
            parts.append(self._gb_s_usd("provisioned-duration", ready_s))
        return None if None in parts else sum(part or 0.0 for part in parts)

    def _blocked(self, rate: float, reserved: int) -> float:
        key = (rate, reserved)
        if key not in self._shares:
            rounded = float(f"{rate:.{_DIGITS}g}")
            load = offered_load(rounded, self.demand.service_s)
            self._shares[key] = blocked_share(reserved, load, self.demand.peakedness)
        return self._shares[key]

    @cached_property
    def _shares(self) -> dict[tuple[float, int], float]:
        return {}

    @cached_property
    def _rises(self) -> list[tuple[float, float]]:
        """Minutes that need more environments than those before them: (needed, still warm)."""
        rises = []
        before: deque[float] = deque(maxlen=IDLE_MINUTES)
        for peak, requests in zip(self.demand.peaks, self.per_minute, strict=True):
            need = max(peak * self.demand.growth, 1.0) if requests else 0.0
            warm = max(before, default=0.0)
            if need > warm:
                rises.append((need, warm))
            before.append(need)
        return rises

    def _gb_s_usd(self, kind: str, seconds: float) -> float | None:
        architecture = self.deployed.architecture
        price = find_price(f"lambda/{kind}/{architecture}", self.deployed.region)
        return None if price is None else price.usd * seconds * self.deployed.memory_mb / 1024

    def _instances_usd(self, mean_instances: float) -> float | None:
        if self.deployed.instance_type is None:
            return 0.0
        price = find_price(f"sagemaker-hosting/{self.deployed.instance_type}", self.deployed.region)
        return None if price is None else price.usd * mean_instances * HOURS_A_MONTH
