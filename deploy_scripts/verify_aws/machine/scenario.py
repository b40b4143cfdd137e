"""A story of a run: what AWS and the functions answer, and how the run has to end."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.workflow import Status
from deploy_scripts.verify_aws.machine.answers import DROP, STRAIGHT
from functions.read_input.reading import read_input

# The ends of an execution that cannot know which release is live: the clean-up sees to all that it left.
SWITCH_FAILED, ROLLBACK_FAILED = "SwitchFailed", "RollbackFailed"
LEFT_TO_CLEAN_UP = (SWITCH_FAILED, ROLLBACK_FAILED)


@dataclass(frozen=True, eq=False)
class Scenario:
    """`ending` is the status in the ledger, None where nothing is recorded; `error` how the execution ends
    (None: it succeeds).
    """

    name: str
    ending: Status | None
    input: Mapping[str, Any] = field(default_factory=lambda: DROP)
    changes: Mapping[str, Any] = field(default_factory=dict)
    passes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def answers(self) -> dict[str, Any]:
        return {**STRAIGHT, "Read input": read_input(self.input), **self.changes}

    def but(
        self, name: str, ending: Status | None, error: str | None, changes: Mapping[str, Any]
    ) -> "Scenario":
        """The same with other answers, and what comes of it; which states it passes is not said."""
        return replace(
            self, name=name, ending=ending, error=error, changes={**self.changes, **changes}, passes=()
        )


def ended(
    name: str, ending: Status | None, passes: str, input_: Mapping[str, Any] = DROP, **changes: Any
) -> Scenario:
    named = {state.replace("_", " "): answer for state, answer in changes.items()}
    errors = {"failed": "RunFailed", "blocked": "RunBlocked", "rolled_back": "RunRolledBack"}
    error = errors.get(ending or "")
    return Scenario(name, ending, input_, named, (passes,), error)


def left_to_clean_up(name: str, passes: str, input_: Mapping[str, Any] = DROP, **changes: Any) -> Scenario:
    """Of an execution that ends without knowing which release is live."""
    return replace(ended(name, "running", passes, input_, **changes), error=SWITCH_FAILED)
