"""The options that many commands share."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from deploy_scripts.aws import Target, TargetName

P = ParamSpec("P")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def _target_options(
    *,
    target: Annotated[TargetName, typer.Option(help="The local cloud, or AWS.")] = "local",
    profile: Annotated[str | None, typer.Option(help="AWS profile (--target aws).")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    stack: Annotated[str, typer.Option(help="Name of the deployment.")] = "dropserve",
    debug: DebugOption = False,  # read by main() itself
) -> Target:
    return Target(name=target, profile=profile, region=region, stack=stack)


def with_target(command: Callable[Concatenate[Target, P], None]) -> Callable[..., None]:
    """Give a command --target, --profile, --region, --stack and --debug; it gets a Target first.

    Typer reads a function's signature, so the wrapper's is the command's own and these.
    """
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(_target_options, eval_str=True).parameters.values())

    @wraps(command)
    def wrapper(**values: Any) -> None:
        chosen = _target_options(**{option.name: values.pop(option.name) for option in shared})
        command(chosen, **values)  # type: ignore[call-arg]  # typer passes all by name

    keyword_only = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in own]
    wrapper.__signature__ = inspect.Signature([*keyword_only, *shared])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {option.name: option.annotation for option in [*own, *shared]}
    return wrapper
