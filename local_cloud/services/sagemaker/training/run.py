"""One training job while it runs: data in, the toolkit's process on every instance, artefacts out."""

import logging
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.services.aws_clients import process_environment
from local_cloud.services.sagemaker import archives
from local_cloud.services.sagemaker.host import Host, free_port
from local_cloud.services.sagemaker.log_shipping import LogStream
from local_cloud.services.sagemaker.s3_files import S3Files
from local_cloud.services.sagemaker.training.folder import TrainingFolder, host_names
from local_cloud.services.sagemaker.training.machine import TrainingFailedError, TrainingMachine, end
from local_cloud.services.sagemaker.training.metric_log import MetricLog
from local_cloud.services.sagemaker.training.record import DEFAULT_MAX_RUNTIME_S, TrainingRecord

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


class TrainingRun(threading.Thread):
    """Carries one job from Starting to its end and writes each step into its record."""

    def __init__(self, record: TrainingRecord, *, region: str, host: Host, timing: TrainingTiming) -> None:
        self._record = record
        self._job = record.describe()
        super().__init__(name=f"training-{self._job['TrainingJobName']}", daemon=True)
        self._root = host.work_dir / f"training-{secrets.token_hex(8)}"
        self._region = region
        self._host = host
        self._timing = timing
        self._files = S3Files(host.clients("s3", self._job["RoleArn"], region))
        self._metrics = MetricLog(self._job["AlgorithmSpecification"].get("MetricDefinitions", []))
        self._host_names = host_names(self._job["ResourceConfig"].get("InstanceCount", 1))
        self._machines = [self._make_machine(number) for number in range(1, len(self._host_names) + 1)]
        self._failure = ""
        self._stop_requested = threading.Event()
        self._abandoned = threading.Event()

    def _make_machine(self, number: int) -> TrainingMachine:
        stream = f"{self._job['TrainingJobName']}/algo-{number}-{int(time.time())}"
        log = LogStream(self._host.clients("logs", self._job["RoleArn"], self._region), LOG_GROUP, stream)
        return TrainingMachine(TrainingFolder(self._root / f"algo-{number}"), self._files, log)

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
            shutil.rmtree(self._root, ignore_errors=True)

    def _fail(self, reason: str) -> None:
        if not self._abandoned.is_set():
            self._record.finish("Failed", reason=reason)

    def _run_job(self) -> None:
        container = self._host.containers.find(self._job["AlgorithmSpecification"].get("TrainingImage", ""))
        if container is None or container.train is None:
            raise TrainingFailedError(NO_IMAGE)
        for machine, host in zip(self._machines, self._host_names, strict=True):
            machine.folder.create(self._job, host, self._host_names)
        self._record.start_clock()
        self._record.enter("Downloading")
        for machine in self._machines:
            machine.download(self._job)
        if self._stop_requested.is_set():
            self._finish("Stopped")
            return
        self._record.enter("Training")
        environment = self._environment()
        try:
            for machine in self._machines:
                machine.start(self._host.processes, container.train, environment)
            ending = self._watch()
        finally:
            for machine in self._machines:
                machine.kill()
        if self._abandoned.is_set():
            return
        self._read_logs(at_end=True)
        self._upload_checkpoints()
        self._finish(ending)

    def _environment(self) -> dict[str, str]:
        job = self._job
        own = {"TRAINING_JOB_NAME": job["TrainingJobName"], "TRAINING_JOB_ARN": job["TrainingJobArn"]}
        if len(self._host_names) > 1:
            # As SageMaker's PyTorch container sets them; there, one port is free on the network of every job.
            own |= {"MASTER_ADDR": self._host_names[0], "MASTER_PORT": str(free_port())}
        given = {**job.get("Environment", {}), **own}
        isolated = job["EnableNetworkIsolation"]
        return process_environment(job["RoleArn"], self._region, given, isolated=isolated)

    def _watch(self) -> str:
        """Waits for the end; returns the secondary status that it leads to."""
        deadline = time.monotonic() + self._job["StoppingCondition"].get(
            "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S
        )
        next_sync = time.monotonic() + self._timing.checkpoint_sync_s
        while self._failed_machine() is None and any(machine.poll() is None for machine in self._machines):
            if self._stop_requested.wait(self._timing.poll_s):
                end(self._machines, 0 if self._abandoned.is_set() else self._timing.stop_grace_s)
                return "Stopped"
            if time.monotonic() >= deadline:
                end(self._machines, self._timing.stop_grace_s)
                return "MaxRuntimeExceeded"
            self._read_logs()
            if time.monotonic() >= next_sync:
                self._upload_checkpoints()
                next_sync = time.monotonic() + self._timing.checkpoint_sync_s
        if self._stop_requested.is_set():
            return "Stopped"
        return self._completed_or_failed()

    def _completed_or_failed(self) -> str:
        """One instance that fails ends the job, and says why."""
        failed = self._failed_machine()
        if failed is None:
            return "Completed"
        self._failure = failed.failure_reason()
        end(self._machines, self._timing.stop_grace_s)
        return "Failed"

    def _failed_machine(self) -> TrainingMachine | None:
        return next((machine for machine in self._machines if machine.poll()), None)

    def _read_logs(self, *, at_end: bool = False) -> None:
        for machine in self._machines:
            for line in machine.ship_log(at_end=at_end):
                self._metrics.read(line, time.time())
        self._record.set_metrics(self._metrics.final_metric_data())

    def _upload_checkpoints(self) -> None:
        for machine in self._machines:
            machine.upload_checkpoints()

    def _finish(self, ending: str) -> None:
        if ending != "Failed":
            self._record.enter("Uploading")
        output_path = self._job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        prefix = f"{output_path}/{self._job['TrainingJobName']}/output"
        try:
            self._upload(
                [machine.folder.output_data for machine in self._machines], f"{prefix}/output.tar.gz"
            )
        except TrainingFailedError as error:
            # A full disk, say: the program's own reason tells more.
            if ending != "Failed":
                raise
            _logger.warning("%s: %s", self._job["TrainingJobName"], error)
        if ending == "Failed":
            raise TrainingFailedError(self._failure)
        model_uri = f"{prefix}/model.tar.gz"
        self._upload([machine.folder.model for machine in self._machines], model_uri)
        if not self._abandoned.is_set():
            self._record.finish(ending, model_uri=model_uri)

    def _upload(self, folders: list[Path], uri: str) -> None:
        """What all instances have written there, in one archive:
        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
        """
        folders = [folder for folder in folders if archives.has_files(folder)]
        if not folders:
            return
        archive = self._root / uri.rsplit("/", 1)[-1]
        try:
            archives.pack(folders, archive)
            self._files.upload(archive, uri)
        except (S3UploadFailedError, ClientError, BotoCoreError, OSError) as error:
            raise TrainingFailedError(f"ClientError: Artifact upload failed:{error}") from error
