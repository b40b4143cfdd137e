"""`dropserve up`: the local cloud, and dropserve deployed in it."""

from typing import Annotated, Literal

import typer
from botocore.exceptions import WaiterError

from deploy_scripts import local_target
from deploy_scripts.aws import Target, connect
from deploy_scripts.errors import CliError
from deploy_scripts.operations.after_restart import say_sudden_end, see_to_cut_off, see_to_unstarted_drops
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.options import DebugOption, JsonOption
from deploy_scripts.screen import Screen
from deploy_scripts.stack_deployment import DeployChoices
from deploy_scripts.stack_deployment import deploy as deploy_stack
from local_cloud.control import Cloud


def up(
    port: Annotated[
        int | None, typer.Option(help="Port of 127.0.0.1; else 4566, or any free one.", min=0, max=65535)
    ] = None,
    quotas: Annotated[
        Literal["usual", "new-account"] | None,
        typer.Option(help="Quotas of the local account; new-account: those of a new one on AWS."),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Start the local cloud and deploy dropserve in it."""
    screen = Screen(as_json=as_json)
    was_running = local_target.is_running()
    cloud = start(screen, port, quotas)
    end = None if was_running else local_target.sudden_end()
    if end:
        say_sudden_end(screen, end)
    local_target.wait_until_saved()
    aws = connect(Target())
    with screen.moving("Deploying") as say:
        outputs = deploy_stack(aws, DeployChoices(), say=say, warn=screen.say)
    deployment = Deployment(aws, outputs)
    if not was_running:
        see_to_cut_off(screen, deployment, local_target.cut_off())
        see_to_unstarted_drops(screen, deployment, end)
    _wait_for_live_endpoint(screen, deployment)
    local_target.wait_until_saved()
    screen.done("dropserve is deployed. Drop photos: `dropserve drop photos.zip --watch`")
    if as_json:
        screen.put_json({"endpoint_url": cloud.endpoint_url, "pid": cloud.pid, "outputs": outputs})


def start(screen: Screen, port: int | None = None, quotas: str | None = None) -> Cloud:
    """Start the cloud unless it runs, and say where."""
    cloud = local_target.start_cloud(port, quotas)
    screen.done(
        f"The local cloud answers at {cloud.endpoint_url} (process {cloud.pid}, log {cloud.log_file})"
    )
    if port is None and not cloud.endpoint_url.endswith(f":{local_target.USUAL_PORT}"):
        screen.say(f"  (not at port {local_target.USUAL_PORT}, which another program uses)")
    return cloud


def _wait_for_live_endpoint(screen: Screen, deployment: Deployment) -> None:
    """What served when the cloud went down loads its model anew, some seconds long."""
    try:
        live = read_live(deployment)
    except CliError as error:
        screen.say(f"  {error.message} {error.advice}")
        return
    if live is None:
        return
    waiter = deployment.aws.sagemaker.get_waiter("endpoint_in_service")
    try:
        with screen.moving(f"Waiting for {live.endpoint_name}"):
            waiter.wait(EndpointName=live.endpoint_name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    except WaiterError as error:
        reason = error.last_response.get("FailureReason", str(error))
        screen.say(f"  The live endpoint {live.endpoint_name} does not serve: {reason}")
        screen.say("  A new run replaces it: drop photos, or `dropserve run --force`")
