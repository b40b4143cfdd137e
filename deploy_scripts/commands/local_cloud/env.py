"""`dropserve env`: the variables that point any AWS client at the local cloud."""

import os
import shlex

import typer

from deploy_scripts import local_target
from deploy_scripts.options import DebugOption, JsonOption
from deploy_scripts.screen import Screen


def env(as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Print the variables for AWS clients: eval "$(dropserve env)"."""
    variables = local_target.client_variables(local_target.running_cloud())
    if as_json:
        Screen(as_json=True).put_json(variables)
        return
    # They would go before or beside the keys below.
    unwanted = [name for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN") if name in os.environ]
    if unwanted:
        typer.echo(f"unset {' '.join(unwanted)}")
    for name, value in variables.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
