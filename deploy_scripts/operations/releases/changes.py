"""Changes of what is live, begun for a person: a rollback, a pause, a resume."""

from dataclasses import dataclass
from typing import Literal

from contracts.workflow import ROLLBACK, Status
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.history import request_rollback, watched_run
from deploy_scripts.operations.releases.live import Live, read_live
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.ledger import LedgerItem, find_item
from deploy_scripts.operations.runs.starts import wait_for_execution


@dataclass(frozen=True)
class Change:
    """A change that has begun: its run, and the status that the run ends with when all went well."""

    item: LedgerItem
    wanted: Status


@dataclass(frozen=True)
class WayBack:
    """What a rollback would do: make `to` live. `watched`: the run whose release it takes back at once."""

    to: LedgerItem
    watched: LedgerItem | None


def find_way_back(deployment: Deployment, to: str | None) -> WayBack:
    """To the run whose id begins with `to`, or to the one that was live before; nothing is changed.

    Raises CliError where nothing was live before, and for another way than the one of a watched release.
    """
    live = read_live(deployment)
    watched = watched_run(deployment, live)
    if watched is None:
        return WayBack(find_item(deployment, to or _previous(live)), None)
    before = _before(live, watched)
    if to is not None and not before.startswith(to):
        raise CliError(
            f"The release of run {watched.run.run_id} is watched still, and goes back to run {before} only.",
            "Roll back without --to; once it is done, roll back to any other run.",
        )
    return WayBack(find_item(deployment, before), watched)


def begin_rollback(deployment: Deployment, way: WayBack) -> Change:
    """Raises CliError when the watch has just ended."""
    if way.watched:
        request_rollback(deployment, way.watched.run.run_id)
        return Change(way.watched, "rolled_back")
    execution = start_execution(deployment, {"action": ROLLBACK, "to": way.to.run.run_id})
    return Change(wait_for_execution(deployment, execution), "restored")


def begin_action(deployment: Deployment, action: Literal["pause", "resume"]) -> Change:
    """Raises CliError when the execution begins no run."""
    wanted: Status = "paused" if action == "pause" else "resumed"
    execution = start_execution(deployment, {"action": action})
    return Change(wait_for_execution(deployment, execution), wanted)


def _previous(live: Live | None) -> str:
    if live is None:
        raise CliError("No release is live.", "Drop a dataset: `dropserve drop photos.zip`.")
    if live.previous_run_id is None:
        raise CliError(
            f"The release of run {live.run_id} is the first one: nothing was live before.",
            "See `dropserve releases`; `dropserve pause` takes the endpoint away.",
        )
    return live.previous_run_id


def _before(live: Live | None, watched: LedgerItem) -> str:
    """The run that a watched release goes back to: the live one of a canary, else the one before."""
    if live is not None and live.canary_run_id == watched.run.run_id:
        return live.run_id
    return _previous(live)
