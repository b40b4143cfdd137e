"""What goes wrong at a Task: told to the cloud in the state's Comment, which Step Functions does not read."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

# How long an effect may wait for what a test does meanwhile.
LONGEST_HOLD_S = 60.0


@dataclass(frozen=True)
class Fault:
    """One effect on the first API call of each attempt of a Task.

    refuse: the call is not made and ends in `error`. lose: it is made, and ends in `error` all the same.
    late: it is made, and its answer comes `delay_s` later. answer: it is not made, `result` comes instead.
    stop, time_out: it is made, and the execution has ended before its answer comes.
    hold: it is made once the file `until` is there.
    """

    effect: str
    error: str = ""
    cause: str = ""
    result: Any = None
    delay_s: float = 0.0
    until: str = ""
    skip: int = 0
    """So many calls of the state go well before."""
    calls: int | None = 1
    """How many calls of the state it meets; None: all."""
    since: str = ""
    """It meets none before the execution has come to this state."""
    after_s: float = 0.0
    """Seconds between the call that is made and a stop or time_out."""


def write_faults(state: dict[str, Any], faults: Iterable[Fault]) -> None:
    """Put the faults in a state's Comment; of those that meet a call, the first counts."""
    state["Comment"] = json.dumps([asdict(fault) for fault in faults])


def read_faults(state: dict[str, Any]) -> list[Fault]:
    """The faults in a state's Comment; none where a person wrote it."""
    try:
        return [Fault(**fields) for fields in json.loads(state.get("Comment") or "[]")]
    except ValueError:
        return []
