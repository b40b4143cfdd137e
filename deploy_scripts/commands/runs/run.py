"""`dropserve run`: start the state machine by hand."""

from typing import Annotated, Any, Literal

import typer

from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import open_deployment
from deploy_scripts.operations.drops.keys import check_key, newest_drop
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.starts import wait_for_execution
from deploy_scripts.operations.runs.watching import require_live, watch_run
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen
from functions.common.json_text import parse_json


@with_target
def run(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    bucket: Annotated[str | None, typer.Option(help="Bucket of the dataset; else the deployment's.")] = None,
    key: Annotated[str | None, typer.Option(help="Key of the dataset; else the newest drop.")] = None,
    backend: Annotated[Literal["sagemaker", "ec2"] | None, typer.Option(help="Where to train.")] = None,
    instance_type: Annotated[
        str | None, typer.Option(help="Such as ml.g5.xlarge, or g5.xlarge on EC2.")
    ] = None,
    instance_count: Annotated[
        int | None, typer.Option(help="Instances that share the features (SageMaker).")
    ] = None,
    hyperparameter: Annotated[
        list[str] | None, typer.Option("--hyperparameter", "-p", help="epochs=20. May be repeated.")
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(help="Test accuracy that a release needs, 0 to 1.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="Most that training may cost, in USD.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Release even what is no better.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the run; succeed only when it ends live.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Start a run by hand, on the newest drop or on a key, with overrides."""
    screen = Screen(as_json=as_json)
    overrides = {
        "backend": backend,
        "instance_type": instance_type,
        "instance_count": instance_count,
        "hyperparameters": parse_hyperparameters(hyperparameter or []) or None,
        "min_accuracy": min_accuracy,
        "max_cost_usd": max_cost,
        "force": force or None,
    }
    deployment = open_deployment(target)
    start_input: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    if key is not None:
        check_key(deployment, bucket or deployment.bucket, key)
    start_input |= {"bucket": bucket or deployment.bucket, "key": key or newest_drop(deployment, bucket)}
    item = wait_for_execution(deployment, start_execution(deployment, start_input))
    outcome = watch_run(screen, deployment, item) if watch else item.run
    if as_json:
        screen.put_json(outcome.to_json())
    elif not watch:
        screen.say(f"Run {outcome.run_id} has begun; follow it: `dropserve watch {outcome.run_id[:8]}`")
    if watch:
        require_live(deployment, outcome)


def parse_hyperparameters(options: list[str]) -> dict[str, Any]:
    """`["epochs=20", "backbone=resnet18"]` by name: numbers, true and false as such, all else as text.

    Raises CliError naming the option that is wrong.
    """
    hyperparameters: dict[str, Any] = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator or not name:
            raise CliError(
                f"--hyperparameter {option} is not understood.", "Write --hyperparameter epochs=20."
            )
        try:
            hyperparameters[name] = parse_json(value)
        except ValueError:
            hyperparameters[name] = value
    return hyperparameters
