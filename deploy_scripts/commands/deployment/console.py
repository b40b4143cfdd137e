"""`dropserve console`: a deployment in the browser, served on this machine for this person."""

import threading
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from deploy_scripts.aws import Target
from deploy_scripts.options import with_target
from deploy_scripts.screen import Screen

if TYPE_CHECKING:
    from deploy_scripts.console.security import Gate

# Port of 127.0.0.1.
USUAL_PORT = 4590


@with_target
def console(
    target: Target,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"Port of 127.0.0.1 (default {USUAL_PORT}, or a free one)."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open it in the web browser.")] = True,
) -> None:
    """Open the deployment's pages in the browser: drop, follow runs, ask the model; Ctrl+C ends it.

    It answers on this machine alone, with your own credentials; its link holds a secret.
    """
    from deploy_scripts.console.context import Console  # noqa: PLC0415 - 0.2 s that `--help` need not pay
    from deploy_scripts.console.server import serve  # noqa: PLC0415

    screen = Screen()
    opened = Console(target)
    aws = opened.deployment.aws

    def tell(gate: "Gate") -> None:
        where = "the local cloud" if aws.is_local else f"AWS, {aws.region}"
        screen.done(f"The console of {aws.stack} ({where}) answers at {gate.origin}; Ctrl+C ends it")
        screen.say(f"Open it: {gate.opening_link}")
        if browser:
            # A browser without a window of its own keeps the call waiting.
            threading.Thread(target=webbrowser.open, args=[gate.opening_link], daemon=True).start()

    serve(opened, (USUAL_PORT, 0) if port is None else (port,), tell)
