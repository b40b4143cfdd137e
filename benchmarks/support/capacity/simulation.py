"""The inference function and its endpoint, in steps of a tenth of a second. Simulated, not measured on AWS.

Lambda throttles what exceeds the reserved concurrency and queues nothing; an environment that is not
provisioned and not warm has to start, and a warm one goes after ten idle minutes. Instances take requests
from one queue, and refuse what would wait too long. Instances follow target tracking by the local cloud's
own rule, which is no part of what a review knows: 1-minute metrics, 3 of them to scale out, 15 to scale in,
cooldowns, minutes until an instance serves.
"""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.support.capacity.traces import STEP_S, STEPS_A_SECOND
from contracts.workflow import SCALE_IN_COOLDOWN_S, SCALE_OUT_COOLDOWN_S
from local_cloud.services.autoscaling.cooldown import Cooldown
from local_cloud.services.autoscaling.target_tracking import Measurement, desired_capacity

MINUTE_STEPS = 60 * STEPS_A_SECOND
# A request: fetching the photo and all else of the function, then the model's time on one core.
OTHER_S, MODEL_S = 0.26, 0.04
CORES = 2
COLD_START_S = 1.0
# Both seen elsewhere: functions/capacity_review/forecast.py and instances.py name the sources.
WARM_MINUTES, START_MINUTES = 10, 4
# What would wait longer at the endpoint is refused.
LONGEST_WAIT_S = 5.0
PROVISION_MINUTES, UTILIZATION_TARGET = 2, 0.7


@dataclass(frozen=True)
class Setting:
    """What is set on AWS. `most_provisioned`: provisioned concurrency follows its utilisation up to it."""

    reserved: int
    provisioned: int
    min_instances: int
    max_instances: int
    target: float
    most_provisioned: int | None = None


@dataclass
class Minute:
    """What CloudWatch would tell of one minute, and what was in force."""

    invocations: int = 0
    throttles: int = 0
    overloads: int = 0
    cold_starts: int = 0
    concurrency: int = 0
    spillover: int = 0
    busy_s: float = 0.0
    busy_provisioned_s: float = 0.0
    wait_s: float = 0.0
    instances: int = 0
    provisioned: int = 0


@dataclass
class _Instances:
    """The fleet, which changes by target tracking at the end of each minute."""

    setting: Setting
    count: int
    desired: int = 0
    starts_in: int = 0
    periods: deque[Measurement | None] = field(default_factory=lambda: deque(maxlen=15))
    cooldown: Cooldown = field(default_factory=lambda: Cooldown(SCALE_OUT_COOLDOWN_S, SCALE_IN_COOLDOWN_S))

    def end_minute(self, number: int, asked: int) -> None:
        if self.starts_in:
            self.starts_in -= 1
            if not self.starts_in:
                self.count = self.desired
        elif self.periods:
            wanted = desired_capacity(list(self.periods), self.setting.target, self.count)
            wanted = min(max(wanted, self.setting.min_instances), self.setting.max_instances)
            step = wanted - self.count
            if step and self.cooldown.allows(step, number * 60):
                self.cooldown.note(step, number * 60)
                if step > 0:
                    self.desired, self.starts_in = wanted, START_MINUTES
                else:
                    self.count = wanted
        # Known to CloudWatch a minute later: the rule above has not seen it.
        self.periods.append(Measurement(asked, self.count) if asked else None)


@dataclass
class _Provisioned:
    """Provisioned concurrency: as set, or following its utilisation by the same kind of alarms."""

    setting: Setting
    count: int
    seen: deque[float] = field(default_factory=lambda: deque(maxlen=15))
    starts_in: int = 0
    desired: int = 0

    def end_minute(self, concurrency: int) -> None:
        if self.setting.most_provisioned is None:
            return
        if self.starts_in:
            self.starts_in -= 1
            if not self.starts_in:
                self.count = self.desired
            return
        self.seen.append(concurrency)
        needed = [math.ceil(each / UTILIZATION_TARGET) for each in self.seen]
        if len(needed) >= 3 and min(needed[-3:]) > self.count:
            self.desired, self.starts_in = min(needed[-1], self.setting.most_provisioned), PROVISION_MINUTES
        elif len(needed) == 15 and max(needed) < self.count:
            self.count = max(1, *needed)


def simulate(requests: npt.NDArray[np.int64], setting: Setting) -> list[Minute]:
    """Each minute of the requests, which are given by the step."""
    instances = _Instances(setting, setting.min_instances)
    provisioned = _Provisioned(setting, setting.provisioned)
    function = _Function()
    minutes = []
    for number in range(len(requests) // MINUTE_STEPS):
        steps = requests[number * MINUTE_STEPS : (number + 1) * MINUTE_STEPS].tolist()
        minute = Minute(instances=instances.count, provisioned=provisioned.count)
        function.run(steps, minute, setting.reserved)
        minutes.append(minute)
        instances.end_minute(number, minute.invocations)
        provisioned.end_minute(minute.concurrency)
    return minutes


class _Function:
    """Requests in service, the queue of the endpoint, and warm environments."""

    def __init__(self) -> None:
        self._leaving = [0] * (4 * STEPS_A_SECOND * math.ceil(OTHER_S + COLD_START_S + LONGEST_WAIT_S))
        self._at = 0
        self._in_service = 0
        self._queue = 0.0
        self._peaks: deque[int] = deque(maxlen=WARM_MINUTES)

    def run(self, steps: list[int], minute: Minute, reserved: int) -> None:
        """One minute; its figures go into `minute`."""
        if not self._in_service and not self._queue and not any(steps):
            self._peaks.append(0)
            return
        leaving, size, at = self._leaving, len(self._leaving), self._at
        in_service, queue = self._in_service, self._queue
        provisioned = minute.provisioned
        warm = max(provisioned, max(self._peaks, default=0))
        capacity = minute.instances * CORES / MODEL_S * STEP_S
        longest = capacity * LONGEST_WAIT_S / STEP_S
        usual = round((OTHER_S + MODEL_S) / STEP_S)
        cold_steps = round(COLD_START_S / STEP_S)
        peak = busy = busy_provisioned = 0
        waited = 0.0
        for asked in steps:
            at = (at + 1) % size
            in_service -= leaving[at]
            leaving[at] = 0
            if asked:
                admitted = min(asked, reserved - in_service)
                minute.throttles += asked - admitted
                minute.invocations += admitted
                queue += admitted
                if queue > longest:
                    refused = min(admitted, math.ceil(queue - longest))
                    minute.overloads += refused
                    queue -= refused
                    admitted -= refused
                wait = queue / capacity if queue > capacity else 0.0
                waited += wait * admitted
                started = max(0, min(admitted, in_service + admitted - warm))
                if in_service + admitted > provisioned:
                    minute.spillover += min(admitted, in_service + admitted - provisioned)
                in_service += admitted
                end = at + usual + int(wait)
                leaving[end % size] += admitted - started
                if started:
                    minute.cold_starts += started
                    leaving[(end + cold_steps) % size] += started
                    warm = in_service
                peak = max(peak, in_service)
            queue = queue - capacity if queue > capacity else 0.0
            busy += in_service
            busy_provisioned += in_service if in_service < provisioned else provisioned
        self._at, self._in_service, self._queue = at, in_service, queue
        self._peaks.append(peak)
        minute.concurrency = peak
        minute.busy_s, minute.busy_provisioned_s = busy * STEP_S, busy_provisioned * STEP_S
        minute.wait_s = waited * STEP_S
