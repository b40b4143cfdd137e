"""The server in the foreground: the emulator, the added services, and one front door on 127.0.0.1."""

import asyncio
import fcntl
import logging
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config as HypercornConfig

from local_cloud import identity, scratch, server_file, state_file
from local_cloud.activity import Activity
from local_cloud.containers import Containers
from local_cloud.defaults import REGION
from local_cloud.door.authentication import Authentication
from local_cloud.ec2 import Machines
from local_cloud.front import Front
from local_cloud.ministack_adapter import environment
from local_cloud.private_files import keep_private
from local_cloud.processes import Processes
from local_cloud.root_key import RootKey, RootKeyError, ensure_root_key
from local_cloud.server_file import Place, ServerNote
from local_cloud.service import Service
from local_cloud.services.autoscaling import ApplicationAutoScaling
from local_cloud.services.sagemaker import SageMaker

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
GRACE_S = 3.0


class ServerError(Exception):
    """The server cannot start: the message says why and what to do."""


def serve(port: int, state_dir: Path, containers: Containers) -> None:
    """Serves until SIGTERM or SIGINT, then saves the state. Raises ServerError."""
    state_dir.mkdir(parents=True, exist_ok=True)
    try:
        keep_private(state_dir)
    except PermissionError as error:
        raise ServerError(
            f"{error.filename} belongs to another user: take it back (chown), or choose another state folder"
        ) from error
    with (state_dir / "server.lock").open("w") as lock:
        # The lock goes with the process, so a killed server leaves none.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ServerError(
                f"another server serves {state_dir}: stop it, or choose another folder"
            ) from error
        try:
            root_key = ensure_root_key(state_dir)
        except RootKeyError as error:
            raise ServerError(str(error)) from error
        listener = _listen(port)
        environment.prepare(listener.getsockname()[1], state_dir)
        Server(listener, state_dir, containers, root_key).run()


class Server:
    """All parts of one running cloud."""

    def __init__(
        self, listener: socket.socket, state_dir: Path, containers: Containers, root_key: RootKey
    ) -> None:
        # The emulator reads its settings from the environment as it is imported.
        from local_cloud.ministack_adapter import emulator  # noqa: PLC0415

        self._scratch = state_dir / "tmp"
        scratch.claim(self._scratch)
        self._listener = listener
        self._state_dir = state_dir
        self._note = ServerNote(os.getpid(), listener.getsockname()[1])
        self._processes = Processes()
        self._machines = Machines(
            self._processes,
            containers,
            folder=state_dir / "ec2",
            logs=state_dir / "logs" / "ec2",
            endpoint_url=self._note.endpoint_url,
        )
        self._emulator = emulator.Emulator(self._processes, self._machines, root_key)
        identity.configure(
            endpoint_url=self._note.endpoint_url,
            region=REGION,
            root_key=root_key,
            listener=self._emulator.register,
        )
        self._activity = Activity(state_dir / "activity.jsonl", emulator.IamRecords())
        sagemaker = SageMaker(containers, self._processes, work_dir=state_dir / "sagemaker")
        self._services: Sequence[Service] = (sagemaker, ApplicationAutoScaling(sagemaker))
        self._front = Front(
            emulator.asgi_app,
            self._services,
            activity=self._activity,
            authentication=Authentication(root_key, emulator.IssuedKeys()),
            place=Place(root_key, state_dir, self._note),
        )

    @property
    def _services_file(self) -> Path:
        return self._state_dir / "state" / "added-services.json"

    def run(self) -> None:
        """Serves until a signal, then ends everything that was started."""
        try:
            asyncio.run(self._serve())
        finally:
            self._stop()

    async def _serve(self) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        config = HypercornConfig()
        config.bind = [f"fd://{self._listener.detach()}"]
        config.keep_alive_timeout = 75
        config.graceful_timeout = GRACE_S
        config.loglevel = "WARNING"
        start = asyncio.create_task(self._start_services(ended))
        await hypercorn_serve(self._front, config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]
        await start

    async def _start_services(self, ended: asyncio.Event) -> None:
        """Gives the services their state back; they may call the front door as they take it up."""
        while not await asyncio.to_thread(_answers, self._note.port):
            if ended.is_set():
                return
            await asyncio.sleep(0.02)
        await asyncio.to_thread(self._restore)
        self._front.restored.set()
        server_file.write_note(self._state_dir, self._note)
        logger.info("ready at %s, state in %s", self._note.endpoint_url, self._state_dir)

    def _restore(self) -> None:
        self._emulator.resume()
        states: dict[str, dict[str, Any]] = state_file.load(self._services_file)
        for service in self._services:
            if service.name in states:
                service.restore(states[service.name])

    def _stop(self) -> None:
        try:
            if self._front.restored.is_set():
                self._services_file.parent.mkdir(parents=True, exist_ok=True)
                state_file.save(self._services_file, self._services)
            for service in self._services:
                service.stop()
        finally:
            self._emulator.stop()
            self._processes.close()
            self._activity.close()
            scratch.remove(self._scratch)
            server_file.remove_note(self._state_dir)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise ServerError(
            f"cannot listen on {HOST}:{port}: {error.strerror}; "
            "end the program that uses the port, or choose another with --port (0: any free one)"
        ) from error
    return listener


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
