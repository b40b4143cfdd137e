"""`dropserve logs [SOURCE]`: what a function, a training job, an endpoint or the laptop's cloud wrote."""

import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from deploy_scripts import laptop
from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.pipeline.deployment import open_deployment
from deploy_scripts.pipeline.log_sources import LogLine, log_sources_of, read_logs
from deploy_scripts.screen import Screen


@with_target
def logs(
    target: Target,
    source: Annotated[
        str, typer.Argument(help="A function (inference, ...), training, endpoint, workflow, or cloud.")
    ] = "inference",
    minutes: Annotated[int, typer.Option(help="How far back.")] = 60,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print log lines, oldest first."""
    screen = Screen(as_json=as_json)
    if source == "cloud":
        _show_cloud_log(target)
        return
    deployment = open_deployment(target)
    sources = log_sources_of(deployment, source)
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    shown: set[LogLine] = set()
    while True:
        lines = [line for line in read_logs(deployment, sources, since) if line not in shown]
        shown.update(lines)
        for line in lines:
            if as_json:
                typer.echo(line.to_json())
            else:
                screen.say(f"{line.at:%H:%M:%S} {line.message}")
        if not follow:
            break
        time.sleep(1 if deployment.aws.is_local else 5)


def _show_cloud_log(target: Target) -> None:
    if target.name != "local":
        raise CliError("Only the laptop's cloud has a log file.", "Use --target local.")
    with laptop.log_file().open(errors="replace") as file:
        for line in deque(file, maxlen=200):
            typer.echo(line.rstrip("\n"))
