"""How a target-tracking policy decides, as a pure function of what was measured.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
The alarms that Application Auto Scaling makes for SageMaker have periods of a minute: three above the target
scale out, fifteen below 90 % of it scale in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

HIGH_PERIODS = 3
LOW_PERIODS = 15
LOW_SHARE = 0.9
# https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
DEFAULT_COOLDOWN_S = 300


@dataclass(frozen=True)
class Measurement:
    """One period: invocations a minute of the whole variant, and how many instances shared them."""

    per_minute: float
    instances: int

    @property
    def per_instance(self) -> float:
        """InvocationsPerInstance."""
        return self.per_minute / max(self.instances, 1)


def desired_capacity(periods: Sequence[Measurement | None], target: float, current: int) -> int:
    """The capacity that keeps invocations per instance at `target`; `current` when nothing is to be done.

    `periods` ends with the latest one. None is a period without a request: SageMaker sends no zeros, so
    that a variant without any traffic is not scaled in, on AWS neither.
    """
    high = periods[-HIGH_PERIODS:]
    if len(high) == HIGH_PERIODS and all(item is not None and item.per_instance > target for item in high):
        latest = high[-1]
        wanted = math.ceil(latest.per_minute / target) if latest is not None else current
        return max(wanted, current)
    low = periods[-LOW_PERIODS:]
    measured = [item for item in low if item is not None]
    if (
        len(low) == LOW_PERIODS
        and measured
        and all(item.per_instance < target * LOW_SHARE for item in measured)
    ):
        wanted = math.ceil(max(item.per_minute for item in measured) / target)
        return min(max(wanted, 1), current)
    return current
