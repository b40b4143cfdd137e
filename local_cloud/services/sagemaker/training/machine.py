"""One instance of a training job: its folder, its process, its log and its checkpoints."""

import contextlib
import errno
import os
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.processes import Process, Processes
from local_cloud.services.sagemaker.log_shipping import LogStream, LogTail
from local_cloud.services.sagemaker.s3_files import S3Files, UnsafeKeyError
from local_cloud.services.sagemaker.training.checkpoints import Checkpoints
from local_cloud.services.sagemaker.training.folder import DEFAULT_CHECKPOINT_PATH, TrainingFolder
from local_cloud.services.sagemaker.training.record import FAILURE_REASON_MAX_CHARACTERS

# A volume with less room than this is full: files take whole blocks.
FULL_BYTES = 64 * 1024


class TrainingFailedError(Exception):
    """The job fails; the text is its FailureReason."""


class TrainingMachine:
    """What SageMaker does on one instance: data in, the container's program, log and checkpoints out."""

    def __init__(self, folder: TrainingFolder, files: S3Files, log: LogStream) -> None:
        self.folder = folder
        self._files = files
        self._log = log
        self._tail = LogTail(folder.log)
        self._checkpoints: Checkpoints | None = None
        self._process: Process | None = None

    def download(self, job: dict[str, Any]) -> None:
        """Fetches the channels and earlier checkpoints. Raises TrainingFailedError."""
        try:
            for channel in job.get("InputDataConfig", []):
                uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
                self._files.download_prefix(uri, self.folder.channel(channel["ChannelName"]))
            config = job.get("CheckpointConfig")
            if config is None:
                return
            folder = self.folder.checkpoints(config.get("LocalPath", DEFAULT_CHECKPOINT_PATH))
            self._checkpoints = Checkpoints(self._files, folder, config["S3Uri"])
            self._checkpoints.restore()
        except (ClientError, BotoCoreError, UnsafeKeyError, OSError) as error:
            raise TrainingFailedError(f"ClientError: Data download failed:{error}") from error

    def start(self, processes: Processes, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts the container's program, which finds its folder by SAGEMAKER_BASE_DIR."""
        root = str(self.folder.root)
        self._process = processes.spawn(
            command,
            env={**environment, "HOME": root, "SAGEMAKER_BASE_DIR": root},
            cwd=self.folder.root,
            log_file=self.folder.log,
        )

    def poll(self) -> int | None:
        """The program's exit code; None while it runs, or before it was started."""
        return self._process.poll() if self._process else None

    def kill(self) -> None:
        """Ends what still runs at once."""
        if self._process:
            self._process.stop(grace_s=0)

    def ship_log(self, *, at_end: bool = False) -> list[str]:
        """The lines since the last call, which are in the log stream now."""
        lines = self._tail.new_lines(at_end=at_end)
        self._log.put(lines, time.time())
        return lines

    def upload_checkpoints(self) -> None:
        """Those that are new or have changed."""
        if self._checkpoints is not None:
            self._checkpoints.upload_changes()

    def failure_reason(self) -> str:
        """FailureReason of a job whose program ended badly here."""
        exit_code = self.poll() or 0
        # A process that a signal ended has 128 + signal as a container's exit code.
        suffix = f", exit code: {exit_code if exit_code > 0 else 128 - exit_code}"
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = self.folder.failure.read_text(encoding="utf-8", errors="replace")
        if not text.strip() and shutil.disk_usage(self.folder.root).free < FULL_BYTES:
            # It could not even write why.
            text = f"{os.strerror(errno.ENOSPC)} in the training volume"
        room = FAILURE_REASON_MAX_CHARACTERS - len("AlgorithmError: ") - len(suffix)
        return f"AlgorithmError: {text[:room]}{suffix}"

    def terminate(self) -> list[psutil.Process]:
        """SIGTERM to every process of the program; all but the first of them, to be waited for."""
        family: list[psutil.Process] = []
        if self._process:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                family = psutil.Process(self._process.pid).children(recursive=True)
                os.killpg(self._process.pid, signal.SIGTERM)
        return family

    def wait(self, timeout_s: float) -> None:
        """For the program's own end, which takes along what it has started."""
        if self._process:
            self._process.wait(timeout_s)


def end(machines: Sequence[TrainingMachine], grace_s: float) -> None:
    """SIGTERM to every process of the job; returns when all have gone or the grace is over.

    The toolkit goes at once, while the script that it started may use the grace to save its work: so the
    families are waited for first, and only then the toolkit, whose end takes the whole group along.
    """
    give_up = time.monotonic() + grace_s
    families = [member for machine in machines for member in machine.terminate()]
    while any(_is_alive(member) for member in families) and time.monotonic() < give_up:
        time.sleep(0.05)
    for machine in machines:
        machine.wait(max(give_up - time.monotonic(), 0))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
