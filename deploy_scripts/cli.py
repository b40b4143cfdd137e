"""`dropserve`: the command line. Each command has its own file in commands/."""

import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from deploy_scripts.commands import (
    audit,
    cost,
    demo,
    deploy,
    destroy,
    down,
    drop,
    env,
    logs,
    pause,
    predict,
    preflight,
    run,
    runs,
    status,
    up,
    verify,
    verify_permissions,
    watch,
)
from deploy_scripts.errors import CliError, explain
from deploy_scripts.screen import Screen, keep_printing, print_error
from dropserve import __version__

# What a shell expects of a program that was called wrongly.
_USAGE_EXIT_CODE = 2

app = typer.Typer(
    help="Drop labelled photos in S3; get a trained, audited classifier that answers an image URL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo.demo,
    up.up,
    preflight.preflight,
    deploy.deploy,
    drop.drop,
    run.run,
    watch.watch,
    predict.predict,
    runs.runs,
    status.status,
    audit.audit,
    verify_permissions.verify_permissions,
    verify.verify,
    cost.cost,
    pause.pause,
    pause.resume,
    logs.logs,
    env.env,
    destroy.destroy,
    down.down,
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        Screen().say(f"dropserve {__version__}")
        raise typer.Exit


@app.callback()
def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """main() reads --debug itself, so that it works before and after the command's name."""


def main() -> None:
    """The entry of `dropserve`: exit code 0 only for success."""
    keep_printing()
    try:
        # Not standalone: typer would print a wrong argument, perhaps a stranger's file name, as it is.
        exit_code = app(standalone_mode=False)
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
