"""`dropserve pause` and `dropserve resume`: the endpoint goes and comes back, the model stays."""

from typing import Literal

from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.releases.changes import begin_action
from deploy_scripts.operations.runs.watching import watch_run
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen


@with_target
def pause(target: Target, as_json: JsonOption = False) -> None:
    """Delete the endpoint and what else is paid by the hour; keep the model."""
    _act(target, "pause", as_json=as_json)


@with_target
def resume(target: Target, as_json: JsonOption = False) -> None:
    """Start the endpoint of a paused deployment again; about 7 minutes on AWS."""
    _act(target, "resume", as_json=as_json)


def _act(target: Target, action: Literal["pause", "resume"], *, as_json: bool) -> None:
    """Raises CliError with the reason when the run does not end as it should."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    begun = begin_action(deployment, action)
    run = watch_run(screen, deployment, begun.item)
    if as_json:
        screen.put_json(run.to_json())
    if run.status != begun.wanted:
        raise CliError(
            f"The deployment is not {begun.wanted}: {run.reason or 'no reason given'}",
            f"See `dropserve status`, then `dropserve {action}` again.",
        )
