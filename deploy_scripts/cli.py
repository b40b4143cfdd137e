"""`dropserve`: the command line. Each command has its own file in commands/."""

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import TyperException

from deploy_scripts.errors import CliError, explain
from deploy_scripts.screen import Screen, keep_printing, print_error
from dropserve import __version__

# What a shell expects of a program that was called wrongly.
_USAGE_EXIT_CODE = 2
# Command -> its module in commands/, in the order of the help.
COMMANDS = {
    "demo": "local_cloud.demo",
    "up": "local_cloud.up",
    "preflight": "checks.preflight",
    "deploy": "deployment.deploy",
    "doctor": "checks.doctor",
    "drop": "runs.drop",
    "review": "runs.review",
    "run": "runs.run",
    "watch": "runs.watch",
    "predict": "releases.predict",
    "score": "releases.score",
    "runs": "runs.runs",
    "releases": "releases.releases",
    "rollback": "releases.releases",
    "console": "deployment.console",
    "status": "deployment.status",
    "audit": "checks.audit",
    "verify-permissions": "checks.verify_permissions",
    "verify": "checks.verify",
    "cost": "deployment.cost",
    "janitor": "deployment.janitor",
    "capacity": "releases.capacity",
    "drift": "releases.drift",
    "pause": "releases.pause",
    "resume": "releases.pause",
    "logs": "deployment.logs",
    "env": "local_cloud.env",
    "destroy": "deployment.destroy",
    "down": "local_cloud.down",
}


def make_app(commands: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands; each module takes its time to import."""
    app = typer.Typer(
        help="Drop labelled photos in S3; get a trained, audited classifier that answers an image URL.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        callback=_common,
    )
    for name in commands:
        module = import_module(f"deploy_scripts.commands.{COMMANDS[name]}")
        app.command()(getattr(module, name.replace("-", "_")))
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        Screen().say(f"dropserve {__version__}")
        raise typer.Exit


def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """main() reads --debug itself, so that it works before and after the command's name."""


def _named_command(arguments: Sequence[str]) -> str | None:
    """The command that is called: what comes before it are flags."""
    first = next((each for each in arguments if not each.startswith("-")), None)
    return first if first in COMMANDS else None


def main() -> None:
    """The entry of `dropserve`: exit code 0 only for success."""
    keep_printing()
    try:
        # Not standalone: typer would print a wrong argument, perhaps a stranger's file name, as it is.
        named = _named_command(sys.argv[1:])
        exit_code = make_app([named] if named else COMMANDS)(standalone_mode=False)
    except typer.Abort:
        print_error(CliError("Stopped before anything was done."))
        sys.exit(1)
    except TyperException as error:
        _print_usage_error(error)
        sys.exit(_USAGE_EXIT_CODE)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        print_error(explain(error))
        sys.exit(1)
    sys.exit(exit_code if isinstance(exit_code, int) else 0)


def _print_usage_error(error: TyperException) -> None:
    """Typer has printed the help already where there were no arguments at all."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "dropserve"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    print_error(CliError(message, f"See `{command} --help`."))


if __name__ == "__main__":
    main()
