"""The server in the foreground: the emulator, the added services, and one gateway on 127.0.0.1."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config as HypercornConfig

from local_cloud.containers import Containers
from local_cloud.defaults import REGION
from local_cloud.ec2 import Machines
from local_cloud.guarded_groups import GuardedGroups, kill_left_behind
from local_cloud.iam import identity
from local_cloud.iam.activity import Activity
from local_cloud.iam.permission import Permission
from local_cloud.ministack_adapter import environment
from local_cloud.ministack_adapter.s3 import unfinished_writes
from local_cloud.processes import Processes
from local_cloud.request_auth.authentication import Authentication
from local_cloud.server import run_mark, scratch, server_file, server_lock, snapshot
from local_cloud.server.gateway import Front
from local_cloud.server.private_files import keep_private
from local_cloud.server.root_key import RootKey, RootKeyError, ensure_root_key
from local_cloud.server.server_file import MAX_PORT, ServerIdentity, ServerNote
from local_cloud.server.snapshot import Snapshot, SnapshotError
from local_cloud.server.state_saver import StateSaver
from local_cloud.service import Service
from local_cloud.services.autoscaling import ApplicationAutoScaling
from local_cloud.services.sagemaker import SageMaker
from local_cloud.services.service_quotas import AccountQuotas, ServiceQuotas

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
GRACE_S = 3.0
# From the signal to the end, whatever hangs.
STOP_LIMIT_S = 20.0
LEFT_THREADS_S = 1.0
# Most of what comes in the first minutes stays, such as the services' models: looking at all of it again each
# 70,000 objects, as Python does unasked, takes a seventh of the server's time.
OBJECTS_BEFORE_COLLECTION = 10_000


class ServerError(Exception):
    """The server cannot start: the message says why and what to do."""


def serve(port: int, state_dir: Path, containers: Containers, quota_set: str | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then saves the state. Raises ServerError.

    `quota_set`: the quotas that the account has; None: those that it had, or the usual ones.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _keep_private(state_dir)
        lock = server_lock.take(state_dir)
    except OSError as error:
        raise ServerError(_unusable(state_dir, error)) from error
    if lock is None:
        raise ServerError(f"another server serves {state_dir}: stop it, or choose another folder")
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    with lock:
        try:
            root_key = ensure_root_key(state_dir)
        except RootKeyError as error:
            raise ServerError(str(error)) from error
        listener = _listen(port)
        environment.prepare(listener.getsockname()[1], state_dir)
        try:
            kill_left_behind(server_file.groups_path(state_dir))
            unfinished_writes.put_right(state_dir / "s3")
            server = Server(listener, state_dir, containers, root_key, AccountQuotas(quota_set))
        except SnapshotError as error:
            raise ServerError(str(error)) from error
        except OSError as error:
            raise ServerError(_unusable(state_dir, error)) from error
        server.run()


def _unusable(state_dir: Path, error: OSError) -> str:
    advice = "make room on its disk" if error.errno == errno.ENOSPC else "choose another with --state-dir"
    return f"the folder {state_dir} cannot be used: {error.strerror or error}; {advice}"


def _keep_private(state_dir: Path) -> None:
    try:
        keep_private(state_dir)
    except PermissionError as error:
        raise ServerError(
            f"{error.filename} belongs to another user: take it back (chown), or choose another state folder"
        ) from error


class Server:
    """All parts of one running cloud."""

    def __init__(
        self,
        listener: socket.socket,
        state_dir: Path,
        containers: Containers,
        root_key: RootKey,
        quotas: AccountQuotas,
    ) -> None:
        # The emulator reads its settings from the environment as it is imported.
        from local_cloud.ministack_adapter import emulator, persistence  # noqa: PLC0415

        snapshot_file = snapshot.snapshot_path(state_dir)
        saved = snapshot.read(snapshot_file, persistence.decode_object)
        self._saved = saved or _saved_before_snapshots(state_dir)
        self._is_stopped = False
        self._scratch = state_dir / "tmp"
        scratch.claim(self._scratch)
        self._listener = listener
        self._state_dir = state_dir
        self._note = ServerNote(os.getpid(), listener.getsockname()[1])
        mark = run_mark.mark_path(state_dir)
        self._processes = Processes(GuardedGroups(server_file.groups_path(state_dir), touched_at_end=mark))
        self._machines = Machines(
            self._processes,
            containers,
            folder=state_dir / "ec2",
            logs=state_dir / "logs" / "ec2",
            endpoint_url=self._note.endpoint_url,
        )
        emulator_state = persistence.EmulatorState(saved.emulator if saved else None)
        self._emulator = emulator.Emulator(
            self._processes,
            self._machines,
            root_key,
            emulator_state,
            on_change=self._note_change,
            note_call=self._note_call,
        )
        identity.configure(
            endpoint_url=self._note.endpoint_url,
            region=REGION,
            root_key=root_key,
            listener=self._emulator.register,
        )
        self._activity = Activity(state_dir / "activity.jsonl", emulator.IamRecords())
        self._quotas = quotas
        server_identity = ServerIdentity(root_key, state_dir, self._note)
        self._facts = server_identity.facts
        sudden_end = run_mark.find_sudden_end(state_dir)
        self._facts["sudden_end"] = sudden_end and sudden_end.to_json()
        run_mark.write_cut_off(state_dir, emulator_state.cut_off)
        sagemaker = SageMaker(containers, self._processes, work_dir=state_dir / "sagemaker", quotas=quotas)
        self._services: Sequence[Service] = (
            # First: the others keep to it as they take up their state.
            ServiceQuotas(quotas, on_change=self._use_quotas),
            sagemaker,
            ApplicationAutoScaling(sagemaker),
        )
        self._front = Front(
            emulator.asgi_app,
            self._services,
            activity=self._activity,
            authentication=Authentication(root_key, emulator.IssuedKeys()),
            identity=server_identity,
        )
        self._saver = StateSaver(
            snapshot_file,
            emulator_state,
            self._services,
            encode=persistence.encode_value,
            status=server_identity.facts,
        )

    def _note_change(self) -> None:
        # Not the saver's own: it is made after the emulator.
        self._saver.note_change()

    def _note_call(self, role_arn: str, permission: Permission) -> None:
        # Not the activity log's own: it is made after the emulator.
        self._activity.record_call(role_arn, "states", permission)

    def _use_quotas(self) -> None:
        self._emulator.set_lambda_concurrency(self._quotas.lambda_concurrency)
        self._facts["quota_set"] = self._quotas.quota_set

    def run(self) -> None:
        """Serves until a signal, then ends everything that was started."""
        try:
            asyncio.run(self._serve())
        finally:
            self._stop()

    async def _serve(self) -> None:
        ended = asyncio.Event()

        def end() -> None:
            _exit_after(STOP_LIMIT_S, code=1)
            ended.set()
            # Nobody is to find a server that ends.
            server_file.remove_note(self._state_dir)

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        config = HypercornConfig()
        config.bind = [f"fd://{self._listener.detach()}"]
        config.keep_alive_timeout = 75
        config.graceful_timeout = GRACE_S / 2
        config.loglevel = "WARNING"
        start = asyncio.create_task(self._start_services(ended))
        app = self._saver.watching(self._front)
        serving = asyncio.create_task(
            hypercorn_serve(app, config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]
        )
        await asyncio.wait({serving, asyncio.create_task(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
        await start
        await asyncio.wait({serving}, timeout=GRACE_S)
        # A request that still waits for a function ends with the function's process.
        self._stop()
        await serving

    async def _start_services(self, ended: asyncio.Event) -> None:
        """Gives the services their state back; they may call the gateway as they take it up."""
        while not await asyncio.to_thread(_answers, self._note.port):
            if ended.is_set():
                return
            await asyncio.sleep(0.02)
        await asyncio.to_thread(self._restore)
        self._set_mark()
        self._saver.start()
        self._front.restored.set()
        if ended.is_set():
            return
        await asyncio.to_thread(self._emulator.tell_cut_off)
        server_file.write_note(self._state_dir, self._note)
        logger.info("ready at %s, state in %s", self._note.endpoint_url, self._state_dir)

    def _set_mark(self) -> None:
        """From now on there is something to lose; before, the mark is that of the server before."""
        try:
            run_mark.set_mark(self._state_dir)
        except OSError:
            logger.exception("a sudden end will not be noticed")

    def _restore(self) -> None:
        self._use_quotas()
        self._emulator.resume()
        for service in self._services:
            if service.name in self._saved.services:
                service.restore(self._saved.services[service.name])

    def _stop(self) -> None:
        """Saves the state and ends all processes; once."""
        if self._is_stopped:
            return
        self._is_stopped = True
        try:
            if self._front.restored.is_set():
                self._save_last()
            for service in self._services:
                service.stop()
        finally:
            self._emulator.stop()
            self._processes.close()
            self._activity.close()
            scratch.remove(self._scratch)
            server_file.remove_note(self._state_dir)
            # Nothing is left to be done by a thread that still waits for something.
            _exit_after(LEFT_THREADS_S, code=0)

    def _save_last(self) -> None:
        try:
            self._saver.close()
            run_mark.remove_mark(self._state_dir)
        except Exception:
            logger.exception("the state could not be saved")


def _saved_before_snapshots(state_dir: Path) -> Snapshot:
    """What an older version saved; the emulator finds its own files by itself."""
    return Snapshot(services=snapshot.read_before_format_1(state_dir / "state" / "added-services.json"))


def _exit_after(seconds: float, *, code: int) -> None:
    """Ends this process even if a thread hangs; the watchdog ends what it has started."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()


def _listen(port: int) -> socket.socket:
    if not 0 <= port <= MAX_PORT:
        raise ServerError(f"--port {port} is no port: choose 1 to {MAX_PORT}, or 0 for any free one")
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
