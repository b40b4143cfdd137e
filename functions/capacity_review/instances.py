"""The endpoint's instances: what one can answer, and how target tracking would have followed the traffic.

Target tracking's alarms have periods of a minute: three above the target scale out, fifteen below nine
tenths of it scale in: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

import math
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contracts.workflow import SCALE_IN_COOLDOWN_S, SCALE_OUT_COOLDOWN_S

HIGH_MINUTES, LOW_MINUTES, LOW_SHARE = 3, 15, 0.9
# From the decision to the first answer of a new instance. Endpoints of ml.m6g.large and ml.m5.large were in
# service after 4 and 7 minutes on 2026-07-31: github.com/scott2borg/cs401r-2026-instructor.
START_MINUTES = 5
# CloudWatch has a minute's figure after it has ended.
METRIC_MINUTES = 1
# AWS recommends a SAFETY_FACTOR of 0.5 of what an instance can answer, to begin with:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
SAFETY_FACTORS = (0.3, 0.4, 0.5, 0.6, 0.7)
USUAL_SAFETY_FACTOR = 0.5


@dataclass(frozen=True)
class Replay:
    """What came of a setting: `refused`, the share beyond what stood, and how many stood on average."""

    refused: float
    mean_instances: float


def vcpus_of(instance_type: str) -> int:
    """By the size's name; 1, which is the cautious figure, for names that do not tell.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
    """
    size = instance_type.rpartition(".")[2]
    if match := re.fullmatch(r"(\d*)xlarge", size):
        return 4 * int(match[1] or 1)
    return 2 if size == "large" else 1


def most_per_minute(instance_type: str, latency_s: float) -> float:
    """Requests that one instance answers when never idle: the model server computes one a core at a time."""
    return 60 * vcpus_of(instance_type) / latency_s


def replay(per_minute: Sequence[float], *, least: int, most: int, target: float, capacity: float) -> Replay:
    """Follow the traffic with target tracking between `least` and `most` instances of `capacity` a minute."""
    tracking = _Tracking(least, most, target)
    refused = stood = total = 0.0
    for requests in per_minute:
        stood += tracking.standing
        total += requests
        refused += max(0.0, requests - tracking.standing * capacity)
        tracking.end_minute(min(requests, tracking.standing * capacity))
    return Replay(refused / total if total else 0.0, stood / len(per_minute) if per_minute else least)


class _Tracking:
    """Desired and standing instances. A minute without a request has no datapoint, and breaches nothing."""

    def __init__(self, least: int, most: int, target: float) -> None:
        self.standing = least
        self._least, self._most, self._target = least, most, target
        self._desired = least
        self._starts_in = 0
        self._wait_out = self._wait_in = 0
        self._seen: deque[tuple[float, int]] = deque(maxlen=LOW_MINUTES + METRIC_MINUTES)

    def end_minute(self, requests: float) -> None:
        self._seen.append((requests, self.standing))
        self._wait_out, self._wait_in = max(0, self._wait_out - 1), max(0, self._wait_in - 1)
        if self._starts_in:
            self._starts_in -= 1
            if not self._starts_in:
                self.standing = self._desired
            # SageMaker takes no other change while one is under way.
            return
        told = list(self._seen)[:-METRIC_MINUTES]
        if not self._scale_out(told[-HIGH_MINUTES:]):
            self._scale_in(told[-LOW_MINUTES:])

    def _scale_out(self, told: list[tuple[float, int]]) -> bool:
        high = [requests / instances > self._target for requests, instances in told]
        if len(high) < HIGH_MINUTES or not all(high) or self._wait_out:
            return False
        wanted = min(self._most, math.ceil(told[-1][0] / self._target))
        if wanted <= self.standing:
            return False
        self._desired, self._starts_in = wanted, START_MINUTES
        self._wait_out = math.ceil(SCALE_OUT_COOLDOWN_S / 60) + START_MINUTES
        return True

    def _scale_in(self, told: list[tuple[float, int]]) -> None:
        low = [requests / instances < LOW_SHARE * self._target for requests, instances in told if requests]
        if len(told) < LOW_MINUTES or not low or not all(low) or self._wait_in or self._wait_out:
            return
        wanted = max(self._least, math.ceil(max(requests for requests, _ in told) / self._target))
        if wanted < self.standing:
            self.standing = self._desired = wanted
            self._wait_in = math.ceil(SCALE_IN_COOLDOWN_S / 60)


def counts_up_to(most: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12, 16 ... and the most itself."""
    count = 1
    while count < most:
        yield count
        count += max(1, 2 ** (count.bit_length() - 2))
    yield most
