"""Start a run: the state machine by hand, on a drop that lies in S3, with overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from starlette.responses import Response

from contracts.training_job import HYPERPARAMETERS
from deploy_scripts.commands.runs.run import parse_hyperparameters
from deploy_scripts.console.page import Call, Page, action, view
from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops.keys import check_key, list_drops
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.starts import wait_for_execution
from functions.plan_training.instance_types import INSTANCE_TYPES, Backend
from functions.plan_training.overrides import BadOverridesError, read_overrides

# Form field -> the command's option; all but the hyperparameters are one value.
_OPTIONS = {
    "backend": "--backend",
    "instance_type": "--instance-type",
    "instance_count": "--instance-count",
    "min_accuracy": "--min-accuracy",
    "max_cost_usd": "--max-cost",
}
_NUMBERS = {"instance_count": "Instances", "min_accuracy": "Least test accuracy", "max_cost_usd": "Most cost"}


def show_form(call: Call) -> Response:
    deployment = call.console.deployment
    drops = list_drops(deployment, deployment.bucket)
    chosen = call.query.get("key", drops[0] if drops else "")
    return call.html(
        "start.html",
        drops=drops,
        chosen=chosen,
        backends=get_args(Backend),
        instance_types=[each.name_on(on) for on in get_args(Backend) for each in INSTANCE_TYPES.values()],
        hyperparameters=HYPERPARAMETERS,
        arguments=["run", "--key", chosen],
    )


def show_command(call: Call) -> Response:
    """The command line of the form as it is filled in now."""
    arguments = ["run", "--key", call.form.get("key", "")]
    for name, option in _OPTIONS.items():
        if value := call.form.get(name, "").strip():
            arguments += [option, value]
    for line in _lines(call.form):
        arguments += ["-p", line]
    if call.form.get("force"):
        arguments.append("--force")
    return call.html("start_command.html", arguments=arguments)


def start(call: Call) -> Response:
    deployment, key = call.console.deployment, call.form.get("key", "")
    overrides = _overrides(call.form)
    try:
        read_overrides(overrides, region=deployment.aws.region)
    except BadOverridesError as error:
        raise CliError(f"The run was not started: {error}.", "Correct the form.") from error
    check_key(deployment, deployment.bucket, key)
    arn = start_execution(deployment, {**overrides, "bucket": deployment.bucket, "key": key})
    item = wait_for_execution(deployment, arn)
    call.console.forget()
    return call.go_to(f"/runs/{item.run.run_id}")


def _overrides(form: Mapping[str, str]) -> dict[str, Any]:
    """What of the form is filled in, as an execution's input has it. Raises CliError for no number."""
    given: dict[str, Any] = {}
    for name in _OPTIONS:
        text = form.get(name, "").strip()
        if text:
            given[name] = _number(name, text) if name in _NUMBERS else text
    if hyperparameters := _hyperparameters(form):
        given["hyperparameters"] = hyperparameters
    if form.get("force"):
        given["force"] = True
    return given


def _number(name: str, text: str) -> float:
    try:
        return int(text) if name == "instance_count" else float(text)
    except ValueError as error:
        raise CliError(
            f"{_NUMBERS[name]}: {text!r} is no number.", "Write a number such as 2 or 0.8."
        ) from error


def _lines(form: Mapping[str, str]) -> list[str]:
    return [line.strip() for line in form.get("hyperparameters", "").splitlines() if line.strip()]


def _hyperparameters(form: Mapping[str, str]) -> dict[str, Any]:
    lines = _lines(form)
    if wrong := [line for line in lines if not line.partition("=")[1] or not line.partition("=")[0]]:
        raise CliError(
            f"The hyperparameter {wrong[0]!r} is not understood.", "Write a line such as epochs=20."
        )
    return parse_hyperparameters(lines)


PAGE = Page(
    "Start a run",
    "/runs/new",
    (
        view("/runs/new", show_form),
        action("/runs/new", start),
        action("/runs/new/command", show_command),
    ),
    in_navigation=False,
)
