"""One thing that only a deployment in a real account can confirm, and what came of it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from deploy_scripts.account_checks.trial import Trial

Status = Literal["ok", "failed", "not run"]


@dataclass(frozen=True)
class Confirmation:
    """`confirms` is a sentence without its full stop; `run` gives what was seen.

    `run` raises NotPossibleError where it cannot tell, and anything else where AWS does otherwise.
    `open_locally` is what a run against the local cloud says nothing about.
    """

    name: str
    confirms: str
    run: Callable[[Trial], str]
    open_locally: str = ""


@dataclass(frozen=True)
class Outcome:
    """`told` is what was seen, or why it failed or was not run; `open` what a local run leaves so."""

    name: str
    confirms: str
    status: Status
    told: str
    open: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
