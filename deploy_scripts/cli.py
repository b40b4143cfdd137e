"""`dropserve`: the command line. Each command has its own file in commands/."""

import sys
from typing import Annotated

import typer

from deploy_scripts.commands import (
    audit,
    demo,
    deploy,
    destroy,
    down,
    drop,
    env,
    logs,
    predict,
    rehearse,
    run,
    runs,
    status,
    up,
    watch,
)
from deploy_scripts.errors import explain
from deploy_scripts.screen import print_error

app = typer.Typer(
    help="Drop labelled photos in S3; get a trained, audited classifier that answers an image URL.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo.demo,
    up.up,
    deploy.deploy,
    drop.drop,
    run.run,
    watch.watch,
    predict.predict,
    runs.runs,
    status.status,
    audit.audit,
    rehearse.rehearse,
    logs.logs,
    env.env,
    destroy.destroy,
    down.down,
):
    app.command()(command)


@app.callback()
def common(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """main() reads --debug itself, so that it works before and after the command's name."""


def main() -> None:
    """The entry of `dropserve`: exit code 0 only for success."""
    try:
        app()
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        print_error(explain(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
