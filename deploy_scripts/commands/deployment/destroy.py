"""`dropserve destroy`: take the deployment away."""

from typing import Annotated

import typer

from deploy_scripts.aws import Target, connect
from deploy_scripts.options import with_target
from deploy_scripts.screen import Screen
from deploy_scripts.stack_teardown import destroy as destroy_deployment


@with_target
def destroy(
    target: Target,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Also datasets, models, reports and the ledger.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove endpoint, models, runs' leftovers and the stack; on request the data too."""
    screen = Screen()
    if target.name == "aws" and not yes:
        data = " and all its data" if delete_data else ""
        typer.confirm(f"Remove the deployment {target.stack}{data} from AWS?", abort=True)
    destroy_deployment(connect(target), delete_data=delete_data, say=screen.say)
    screen.done("Gone")
