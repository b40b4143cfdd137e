"""`dropserve logs [SOURCE]`: what a function, a training job, an endpoint or the local cloud wrote."""

import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.logs.sources import LogLine, log_sources_of, read_logs
from deploy_scripts.operations.runs.ledger import find_item
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen

_YEAR_MIN = 366 * 24 * 60


@with_target
def logs(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    source: Annotated[
        str, typer.Argument(help="A function (inference, ...), training, endpoint, workflow, or cloud.")
    ] = "inference",
    minutes: Annotated[int, typer.Option(min=0, max=_YEAR_MIN, help="How far back.")] = 60,
    run: Annotated[
        str | None, typer.Option(help="Only this run (its id or its beginning): training and endpoint.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print log lines, oldest first."""
    screen = Screen(as_json=as_json)
    if source == "cloud":
        _show_cloud_log(screen, target)
        return
    deployment = open_deployment(target)
    item = find_item(deployment, run) if run else None
    sources = log_sources_of(deployment, source, item.run.run_id if item else None)
    since = item.started_at if item else datetime.now(UTC) - timedelta(minutes=minutes)
    shown: set[LogLine] = set()
    while True:
        lines = [line for line in read_logs(deployment, sources, since) if line not in shown]
        shown.update(lines)
        for line in lines:
            if as_json:
                screen.put_json_line(line.to_json())
            else:
                # A line within a message stands further in: it is no entry of its own.
                screen.say_lines(f"{line.at:%H:%M:%S} {line.message}", indent=9)
        if not follow:
            break
        time.sleep(1 if deployment.aws.is_local else 5)


def _show_cloud_log(screen: Screen, target: Target) -> None:
    if target.name != "local":
        raise CliError("Only the local cloud has a log file.", "Use --target local.")
    with local_target.log_file().open(errors="replace") as file:
        for line in deque(file, maxlen=200):
            if screen.as_json:
                screen.put_json_line({"message": line.rstrip("\n")})
            else:
                screen.say_lines(line.rstrip("\n"))
