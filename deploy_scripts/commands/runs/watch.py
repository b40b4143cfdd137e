"""`dropserve watch [RUN]`: follow a run to its end."""

from typing import Annotated

import typer

from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.runs.ledger import find_item
from deploy_scripts.operations.runs.watching import require_live, watch_run
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen


@with_target
def watch(
    target: Target,
    run: Annotated[str | None, typer.Argument(help="The run's id or its beginning; else the newest.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a run: its states, its training, its end; succeed only when it ends live."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    outcome = watch_run(screen, deployment, find_item(deployment, run))
    if as_json:
        screen.put_json(outcome.to_json())
    require_live(deployment, outcome)
