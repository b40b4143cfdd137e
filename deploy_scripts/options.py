"""The options that many commands share."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from deploy_scripts.aws import Target, TargetName
from deploy_scripts.settings.stage import Stage, choose_stage

P = ParamSpec("P")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]
SettingsOption = Annotated[
    Path | None, typer.Option(help="Settings file (default dropserve.toml of this folder).")
]
StageOption = Annotated[str | None, typer.Option(help="Stage of the settings file.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _stage_options(  # noqa: PLR0913 - an argument an option
    *,
    target: Annotated[TargetName | None, typer.Option(help="The local cloud (default), or AWS.")] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile (--target aws).")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    stack: Annotated[
        str | None, typer.Option(help=f"Name of the deployment (default {Target().stack}).")
    ] = None,
    settings: SettingsOption = None,
    stage: StageOption = None,
    debug: DebugOption = False,  # read by main() itself
) -> Stage:
    given = {"target": target, "profile": profile, "region": region, "stack": stack}
    return choose_stage(settings, stage, given)


def with_stage(command: Callable[Concatenate[Stage, P], None]) -> Callable[..., None]:
    """Give a command the options that name a deployment; it gets the Stage that they choose first.

    Typer reads a function's signature, so the wrapper's is the command's own and these.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(_stage_options, eval_str=True).parameters.values())

    @wraps(command)
    def wrapper(**values: Any) -> None:
        chosen = _stage_options(**{option.name: values.pop(option.name) for option in shared})
        command(chosen, **values)  # type: ignore[call-arg]  # typer passes all by name

    keyword_only = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in own]
    wrapper.__signature__ = inspect.Signature([*keyword_only, *shared])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {option.name: option.annotation for option in [*own, *shared]}
    return wrapper


def with_target(command: Callable[Concatenate[Target, P], None]) -> Callable[..., None]:
    """The same for a command that only asks which deployment; it gets the Target first."""

    @wraps(command)
    def of_stage(stage: Stage, *arguments: P.args, **values: P.kwargs) -> None:
        command(stage.target, *arguments, **values)

    first, *others = inspect.signature(command, eval_str=True).parameters.values()
    of_stage.__signature__ = inspect.Signature([first, *others])  # type: ignore[attr-defined]
    return with_stage(of_stage)  # type: ignore[arg-type]  # its first parameter has another name
