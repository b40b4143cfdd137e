"""Serves a console on 127.0.0.1 until the person ends it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import uvicorn

from deploy_scripts.console.app import make_app
from deploy_scripts.console.context import Console
from deploy_scripts.console.security import HOST, Gate
from deploy_scripts.errors import CliError

# Open pages follow their runs; they try again by themselves.
_GOODBYE_S = 1


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """What open pages follow, and what they send, is cut off: uvicorn would print each as an error."""
        logging.getLogger("uvicorn.error").disabled = True
        super().handle_exit(sig, frame)


def serve(console: Console, ports: Sequence[int], on_ready: Callable[[Gate], object]) -> NoReturn:
    """Answer at the first of the ports that is free (0 is any) until interrupted; the process ends with it.

    Raises CliError when none is.
    """
    with _listen(ports) as listener:
        gate = Gate(listener.getsockname()[1])
        config = uvicorn.Config(
            make_app(console, gate),
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            # Nothing is logged: the opening link has a secret, and a page says itself what went wrong.
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GOODBYE_S,
        )
        # Work that is cut off leaves nothing elsewhere: the console's folder goes with it.
        tempfile.tempdir = str(console.folder)
        # It listens already: what a browser asks from now on waits for the first answer.
        on_ready(gate)
        # uvicorn ends in order, and then raises the signal again.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with suppress(KeyboardInterrupt):
                _Server(config).run(sockets=[listener])
        finally:
            console.close()
    sys.stdout.flush()
    # Python would wait for threads that ask AWS or send a dataset, for minutes.
    os._exit(0)


def _listen(ports: Sequence[int]) -> socket.socket:
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError):
            listener.close()
        else:
            listener.listen()
            return listener
    raise CliError(f"Port {ports[0]} is in use by another program.", "Name another one, or leave --port out.")
