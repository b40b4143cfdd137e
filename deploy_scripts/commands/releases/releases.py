"""`dropserve releases` and `dropserve rollback`: what has been live, and back to it."""

from typing import Annotated

import typer

from contracts.workflow import ROLLBACK
from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.releases.history import read_releases, request_rollback, watched_run
from deploy_scripts.operations.releases.live import Live, read_live
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.ledger import LedgerItem, find_item
from deploy_scripts.operations.runs.starts import wait_for_execution
from deploy_scripts.operations.runs.watching import watch_run
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table


@with_target
def releases(target: Target, as_json: JsonOption = False) -> None:
    """List the releases, newest first: the live one, and those that a rollback can make live again."""
    screen = Screen(as_json=as_json)
    found = read_releases(open_deployment(target))
    if as_json:
        screen.put_json([each.to_json() for each in found])
        return
    if not found:
        screen.say("There is no release yet. Drop a dataset: `dropserve drop photos.zip`")
        return
    table = make_table("run", "dataset", "state", "accuracy", "since", "release")
    for each in found:
        accuracy = None if each.accuracy is None else f"{each.accuracy:.3f}"
        since = each.since[:19].replace("T", " ") if each.since else None
        table.add_row(
            cell(each.run_id[:8]),
            cell(each.dataset),
            cell(each.state),
            cell(accuracy),
            cell(since),
            cell(each.release),
        )
    screen.show(table)
    screen.say("A run's model card and report: `dropserve runs RUN`")


@with_target
def rollback(
    target: Target,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="RUN", help="The run to go back to; else the one that was live before."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a former release live again: at once while the new one is watched, else as soon as it stands."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    live = read_live(deployment)
    watched = watched_run(deployment, live)
    if watched:
        _check_way_back(live, watched, to)
        request_rollback(deployment, watched.run.run_id)
        screen.say(f"The release of run {watched.run.run_id} is watched still: it is taken back.")
        began, wanted = watched, "rolled_back"
    else:
        item = find_item(deployment, to or _previous(live))
        execution = start_execution(deployment, {"action": ROLLBACK, "to": item.run.run_id})
        began, wanted = wait_for_execution(deployment, execution), "restored"
    run = watch_run(screen, deployment, began)
    if as_json:
        screen.put_json(run.to_json())
    if run.status != wanted:
        raise CliError(
            f"Nothing was rolled back: the run {run.run_id} ended as {run.status}: "
            f"{run.reason or 'no reason given'}",
            "See `dropserve releases`, then `dropserve rollback` again.",
        )


def _previous(live: Live | None) -> str:
    if live is None:
        raise CliError("No release is live.", "Drop a dataset: `dropserve drop photos.zip`.")
    if live.previous_run_id is None:
        raise CliError(
            f"The release of run {live.run_id} is the first one: nothing was live before.",
            "See `dropserve releases`; `dropserve pause` takes the endpoint away.",
        )
    return live.previous_run_id


def _check_way_back(live: Live | None, watched: LedgerItem, to: str | None) -> None:
    """While a release is watched there is one way back. Raises CliError for another one."""
    if to is None or live is None:
        return
    before = live.run_id if live.canary_run_id == watched.run.run_id else live.previous_run_id
    if not (before or "").startswith(to):
        raise CliError(
            f"The release of run {watched.run.run_id} is watched still, and goes back to run {before} only.",
            "Roll back without --to; once it is done, roll back to any other run.",
        )
