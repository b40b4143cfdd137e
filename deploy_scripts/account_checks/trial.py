"""The deployment on which everything is confirmed, and what earlier confirmations left for later ones."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from deploy_scripts.aws import Aws
from deploy_scripts.cloudformation.stack import pause_s
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import Live, read_live
from deploy_scripts.operations.runs.ledger import LedgerItem

T = TypeVar("T")


class NotPossibleError(Exception):
    """It cannot be told here; the message says why."""


@dataclass
class Trial:
    """`photos` is a folder of class folders, `photo` one of them; `zip_file` holds them all.

    `deadline` is of time.monotonic(): what has not been confirmed by then is not run.
    """

    aws: Aws
    photos: Path
    photo: Path
    zip_file: Path
    deadline: float
    say: Callable[[str], None]
    _deployment: Deployment | None = None
    _item: LedgerItem | None = None
    # Of every run: what AWS keeps of them is looked for at the end.
    run_ids: list[str] = field(default_factory=list)
    # What the last look found still there; None before the first look.
    left: list[str] | None = None

    @property
    def deployment(self) -> Deployment:
        """Raises NotPossibleError before anything is deployed."""
        if self._deployment is None:
            raise NotPossibleError("nothing is deployed")
        return self._deployment

    def deployed(self, outputs: dict[str, str]) -> None:
        self._deployment = Deployment(self.aws, outputs)

    @property
    def item(self) -> LedgerItem:
        """The run of the drop. Raises NotPossibleError where none has begun."""
        if self._item is None:
            raise NotPossibleError("no drop began a run")
        return self._item

    def began(self, item: LedgerItem) -> None:
        self.run_ids.append(item.run.run_id)
        self._item = self._item or item

    @property
    def live(self) -> Live:
        """Raises NotPossibleError where nothing is live."""
        live = read_live(self.deployment)
        if live is None:
            raise NotPossibleError("no release is live")
        return live

    def until(self, ask: Callable[[], T | None], what: str, limit_s: float) -> T:
        """The first answer that is something. Raises CliError when none comes in time."""
        deadline = min(time.monotonic() + limit_s, self.deadline)
        while True:
            if answer := ask():
                return answer
            if time.monotonic() > deadline:
                raise CliError(f"{what} did not come within {limit_s:.0f} s, or the time for all ended.")
            time.sleep(pause_s(self.aws))
