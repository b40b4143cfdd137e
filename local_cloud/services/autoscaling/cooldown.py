"""Which scaling steps a policy must wait with.

https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from dataclasses import dataclass


@dataclass
class Cooldown:
    """What a policy did last; times are in the clock's seconds."""

    out_s: float
    in_s: float
    _out_until: float = float("-inf")
    _out_step: int = 0
    _in_until: float = float("-inf")

    def allows(self, step: int, now: float) -> bool:
        """Whether a change by `step` instances may be made now.

        While a scale-out cools down only a larger one may follow. A scale-in waits for both cooldowns.
        """
        if step > 0:
            return now >= self._out_until or step > self._out_step
        return now >= self._in_until and now >= self._out_until

    def note(self, step: int, now: float) -> None:
        """A change by `step` instances has been made; a scale-out ends the cooldown of a scale-in."""
        if step > 0:
            self._out_until, self._out_step = now + self.out_s, step
            self._in_until = float("-inf")
        else:
            self._in_until = now + self.in_s
