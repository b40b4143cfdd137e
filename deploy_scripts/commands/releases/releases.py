"""`dropserve releases` and `dropserve rollback`: what has been live, and back to it."""

from typing import Annotated

import typer

from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.releases.changes import begin_rollback, find_way_back
from deploy_scripts.operations.releases.history import read_releases
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
    way = find_way_back(deployment, to)
    begun = begin_rollback(deployment, way)
    if way.watched:
        screen.say(f"The release of run {way.watched.run.run_id} is watched still: it is taken back.")
    run = watch_run(screen, deployment, begun.item)
    if as_json:
        screen.put_json(run.to_json())
    if run.status != begun.wanted:
        raise CliError(
            f"Nothing was rolled back: the run {run.run_id} ended as {run.status}: "
            f"{run.reason or 'no reason given'}",
            "See `dropserve releases`, then `dropserve rollback` again.",
        )
