"""Waiting for something that only a describe call tells, within one limit of polls a run."""

from typing import Any

from state_machines.common.outcome import own_error
from state_machines.language.sdk import State, Wait, jsonata

# The condition under which a run waits no longer.
OUT_OF_POLLS = "$polls > $settings.poll_limit"


def poll(what: str, *, then: State) -> Wait:
    """Wait and count, then look again."""
    wait = Wait(
        f"Wait for {what}", seconds=jsonata("$settings.poll_s"), assign={"polls": jsonata("$polls + 1")}
    )
    wait.next(then)
    return wait


def out_of_polls(what: str) -> dict[str, Any]:
    """Assigns the `$error` of a run that waited too often."""
    return own_error(
        "PollLimitReached", f"'Waited for the {what} as often as the PollLimit of the deployment allows.'"
    )
