"""One training job while it runs: data in, the toolkit's process, artefacts out."""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.processes import Process
from local_cloud.services.aws_clients import process_environment
from local_cloud.services.sagemaker import archives
from local_cloud.services.sagemaker.checkpoints import Checkpoints
from local_cloud.services.sagemaker.host import Host
from local_cloud.services.sagemaker.log_shipping import LogStream, LogTail
from local_cloud.services.sagemaker.metric_log import MetricLog
from local_cloud.services.sagemaker.s3_files import S3Files, UnsafeKeyError
from local_cloud.services.sagemaker.training_folder import DEFAULT_CHECKPOINT_PATH, TrainingFolder
from local_cloud.services.sagemaker.training_record import (
    DEFAULT_MAX_RUNTIME_S,
    FAILURE_REASON_MAX_CHARACTERS,
    TrainingRecord,
)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
NO_IMAGE = (
    "ClientError: Cannot pull algorithm container. "
    "Either the image does not exist or its permissions are incorrect."
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingTiming:
    """Seconds. SageMaker gives a job 120 s between SIGTERM and SIGKILL:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
    """

    stop_grace_s: float = 120.0
    poll_s: float = 0.2
    checkpoint_sync_s: float = 10.0


class TrainingFailedError(Exception):
    """The job fails; the text is its FailureReason."""


class TrainingRun(threading.Thread):
    """Carries one job from Starting to its end and writes each step into its record."""

    def __init__(self, record: TrainingRecord, *, region: str, host: Host, timing: TrainingTiming) -> None:
        self._record = record
        self._job = record.describe()
        super().__init__(name=f"training-{self._job['TrainingJobName']}", daemon=True)
        self._folder = TrainingFolder(host.work_dir / f"training-{secrets.token_hex(8)}")
        self._region = region
        self._host = host
        self._timing = timing
        role = self._job["RoleArn"]
        self._files = S3Files(host.clients("s3", role, region))
        self._metrics = MetricLog(self._job["AlgorithmSpecification"].get("MetricDefinitions", []))
        stream = f"{self._job['TrainingJobName']}/algo-1-{int(time.time())}"
        self._log = LogStream(host.clients("logs", role, region), LOG_GROUP, stream)
        self._tail = LogTail(self._folder.log)
        self._stop_requested = threading.Event()
        self._abandoned = threading.Event()

    def request_stop(self) -> None:
        """StopTrainingJob: SIGTERM, and the artefacts are uploaded."""
        self._stop_requested.set()

    def abandon(self) -> None:
        """Ends the process at once and leaves the record as it is: the cloud itself goes down."""
        self._abandoned.set()
        self._stop_requested.set()

    def run(self) -> None:
        """Never raises: what goes wrong becomes the job's FailureReason."""
        try:
            self._run_job()
        except TrainingFailedError as error:
            self._fail(str(error))
        except Exception:
            _logger.exception("Training job %s met an internal error", self._job["TrainingJobName"])
            self._fail("InternalServerError: We encountered an internal error. Please try again.")
        finally:
            shutil.rmtree(self._folder.root, ignore_errors=True)

    def _fail(self, reason: str) -> None:
        if not self._abandoned.is_set():
            self._record.finish("Failed", reason=reason)

    def _run_job(self) -> None:
        container = self._host.containers.find(self._job["AlgorithmSpecification"].get("TrainingImage", ""))
        if container is None or container.train is None:
            raise TrainingFailedError(NO_IMAGE)
        self._folder.create(self._job)
        self._record.start_clock()
        checkpoints = self._download()
        if self._stop_requested.is_set():
            self._finish("Stopped")
            return
        self._record.enter("Training")
        process = self._spawn(container.train)
        try:
            ending = self._watch(process, checkpoints)
        finally:
            exit_code = process.stop(grace_s=0)
        if self._abandoned.is_set():
            return
        self._read_log(at_end=True)
        if checkpoints is not None:
            checkpoints.upload_changes()
        self._finish(ending, exit_code)

    def _download(self) -> Checkpoints | None:
        self._record.enter("Downloading")
        try:
            for channel in self._job.get("InputDataConfig", []):
                uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
                self._files.download_prefix(uri, self._folder.channel(channel["ChannelName"]))
            config = self._job.get("CheckpointConfig")
            if config is None:
                return None
            folder = self._folder.checkpoints(config.get("LocalPath", DEFAULT_CHECKPOINT_PATH))
            checkpoints = Checkpoints(self._files, folder, config["S3Uri"])
            checkpoints.restore()
        except (ClientError, BotoCoreError, UnsafeKeyError, OSError) as error:
            raise TrainingFailedError(f"ClientError: Data download failed:{error}") from error
        return checkpoints

    def _spawn(self, command: tuple[str, ...]) -> Process:
        job = self._job
        environment = process_environment(
            job["RoleArn"],
            self._region,
            {
                **job.get("Environment", {}),
                "HOME": str(self._folder.root),
                "SAGEMAKER_BASE_DIR": str(self._folder.root),
                "TRAINING_JOB_NAME": job["TrainingJobName"],
                "TRAINING_JOB_ARN": job["TrainingJobArn"],
            },
        )
        return self._host.processes.spawn(
            command, env=environment, cwd=self._folder.root, log_file=self._folder.log
        )

    def _watch(self, process: Process, checkpoints: Checkpoints | None) -> str:
        """Waits for the end; returns the secondary status that it leads to."""
        deadline = time.monotonic() + self._job["StoppingCondition"].get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S
        )
        next_sync = time.monotonic() + self._timing.checkpoint_sync_s
        while process.poll() is None:
            if self._stop_requested.wait(self._timing.poll_s):
                _end(process, 0 if self._abandoned.is_set() else self._timing.stop_grace_s)
                return "Stopped"
            if time.monotonic() >= deadline:
                _end(process, self._timing.stop_grace_s)
                return "MaxRuntimeExceeded"
            self._read_log()
            if checkpoints is not None and time.monotonic() >= next_sync:
                checkpoints.upload_changes()
                next_sync = time.monotonic() + self._timing.checkpoint_sync_s
        return "Stopped" if self._stop_requested.is_set() else "Completed"

    def _read_log(self, *, at_end: bool = False) -> None:
        now = time.time()
        lines = self._tail.new_lines(at_end=at_end)
        for line in lines:
            self._metrics.read(line, now)
        self._record.set_metrics(self._metrics.final_metric_data())
        self._log.put(lines, now)

    def _finish(self, ending: str, exit_code: int = 0) -> None:
        failed = ending == "Completed" and exit_code != 0
        if not failed:
            self._record.enter("Uploading")
        output_path = self._job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        prefix = f"{output_path}/{self._job['TrainingJobName']}/output"
        self._upload(self._folder.output_data, f"{prefix}/output.tar.gz")
        if failed:
            raise TrainingFailedError(self._failure_reason(exit_code))
        model_uri = f"{prefix}/model.tar.gz"
        self._upload(self._folder.model, model_uri)
        if not self._abandoned.is_set():
            self._record.finish(ending, model_uri=model_uri)

    def _upload(self, folder: Path, uri: str) -> None:
        if not archives.has_files(folder):
            return
        archive = self._folder.root / uri.rsplit("/", 1)[-1]
        try:
            archives.pack(folder, archive)
            self._files.upload(archive, uri)
        except (S3UploadFailedError, ClientError, BotoCoreError, OSError) as error:
            raise TrainingFailedError(f"ClientError: Artifact upload failed:{error}") from error

    def _failure_reason(self, exit_code: int) -> str:
        # A process that a signal ended has 128 + signal as a container's exit code.
        suffix = f", exit code: {exit_code if exit_code > 0 else 128 - exit_code}"
        text = ""
        with contextlib.suppress(FileNotFoundError):
            text = self._folder.failure.read_text(encoding="utf-8", errors="replace")
        room = FAILURE_REASON_MAX_CHARACTERS - len("AlgorithmError: ") - len(suffix)
        return f"AlgorithmError: {text[:room]}{suffix}"


def _end(process: Process, grace_s: float) -> None:
    """SIGTERM to every process of the job; returns when all have gone or the grace is over.

    The toolkit goes at once, while the script that it started may use the grace to save its work: so the
    family is waited for first, and only then the toolkit, whose end takes the whole group along.
    """
    give_up = time.monotonic() + grace_s
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGTERM)
        while any(_is_alive(member) for member in family) and time.monotonic() < give_up:
            time.sleep(0.05)
    process.wait(max(give_up - time.monotonic(), 0))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
