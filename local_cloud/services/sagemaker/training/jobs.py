"""CreateTrainingJob, DescribeTrainingJob, StopTrainingJob, ListTrainingJobs."""

import threading
from typing import Any

from local_cloud.service import ActionHandler, AwsError, Call
from local_cloud.services.sagemaker.host import Host
from local_cloud.services.sagemaker.listing import list_page
from local_cloud.services.sagemaker.names import arn, arn_prefix, invalid
from local_cloud.services.sagemaker.network import check_vpc
from local_cloud.services.sagemaker.role_check import check_role
from local_cloud.services.sagemaker.tags import Tags
from local_cloud.services.sagemaker.training.checks import check_inputs, check_job
from local_cloud.services.sagemaker.training.metric_log import MetricLog
from local_cloud.services.sagemaker.training.record import ENDED, TrainingRecord, new_record
from local_cloud.services.sagemaker.training.run import TrainingRun, TrainingTiming
from local_cloud.services.service_quotas.account_quotas import AccountQuotas

_INTERRUPTED = "InternalServerError: We encountered an internal error. Please try again."


class TrainingJobs:
    """Every training job ever asked for, and a thread for each that runs."""

    def __init__(self, *, host: Host, tags: Tags, quotas: AccountQuotas, timing: TrainingTiming) -> None:
        self._host = host
        self._quotas = quotas
        self._tags = tags
        self._timing = timing
        self._lock = threading.Lock()
        self._records: dict[str, TrainingRecord] = {}
        self._runs: dict[str, TrainingRun] = {}

    def actions(self) -> dict[str, ActionHandler]:
        """API action name -> its handler."""
        return {
            "CreateTrainingJob": self._create,
            "DescribeTrainingJob": self._describe,
            "StopTrainingJob": self._stop,
            "ListTrainingJobs": self._list,
        }

    def get_state(self) -> dict[str, Any]:
        """ARN -> the job's document."""
        with self._lock:
            return {key: record.describe() for key, record in self._records.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes the jobs up again. One that was running has lost its process: it failed."""
        for key, document in state.items():
            record = TrainingRecord(document)
            if record.status not in ENDED:
                record.finish("Failed", reason=_INTERRUPTED)
            self._records[key] = record

    def reset(self) -> None:
        """Forgets every job and ends those that run."""
        self.stop()
        with self._lock:
            self._records.clear()
            self._runs.clear()

    def stop(self) -> None:
        """Ends the processes at once; the records stay as they are."""
        with self._lock:
            runs = [run for run in self._runs.values() if run.is_alive()]
        for run in runs:
            run.abandon()
        for run in runs:
            run.join(timeout=10)

    def _create(self, call: Call) -> dict[str, Any]:
        job = call.parameters
        check_job(job)
        MetricLog(job["AlgorithmSpecification"].get("MetricDefinitions", []))
        key = arn(call, "training-job", job["TrainingJobName"])
        self._refuse_used_name(key)
        check_role(self._host.clients, job["RoleArn"], call.account_id, call.region)
        check_vpc(self._host.clients, job.get("VpcConfig"), job["RoleArn"], call.region)
        check_inputs(self._host.clients, job, call.region)
        record = new_record(job, key)
        run = TrainingRun(record, region=call.region, host=self._host, timing=self._timing)
        with self._lock:
            self._refuse_used_name(key)
            self._check_quota(job)
            self._records[key] = record
            self._runs[key] = run
        self._tags.set(key, job.get("Tags", []))
        run.start()
        return {"TrainingJobArn": key}

    def _refuse_used_name(self, key: str) -> None:
        if key in self._records:
            raise AwsError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, and a training job with "
                f"this name already exists ({key})",
            )

    def _check_quota(self, job: dict[str, Any]) -> None:
        instance_type, is_spot, wanted = _machines(job)
        running = [record.describe() for record in self._records.values() if record.status not in ENDED]
        counted = [_machines(each) for each in running]
        used = sum(count for *kind, count in counted if kind == [instance_type, is_spot])
        usage = "spot training job usage" if is_spot else "training job usage"
        self._quotas.check_instances(instance_type, usage, used=used, wanted=wanted)

    def _find(self, call: Call) -> tuple[str, TrainingRecord]:
        key = arn(call, "training-job", call.parameters["TrainingJobName"])
        record = self._records.get(key)
        if record is None:
            raise invalid("Requested resource not found.")
        return key, record

    def _describe(self, call: Call) -> dict[str, Any]:
        return self._find(call)[1].describe()

    def _stop(self, call: Call) -> dict[str, Any]:
        key, record = self._find(call)
        if not record.request_stop():
            raise invalid(f"The request was rejected because the training job is in status {record.status}.")
        self._runs[key].request_stop()
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        prefix = arn_prefix(call, "training-job")
        with self._lock:
            found = [record for key, record in self._records.items() if key.startswith(prefix)]
        return list_page(
            [record.describe() for record in found],
            call.parameters,
            kind="TrainingJob",
            fields=("TrainingEndTime", "LastModifiedTime", "TrainingJobStatus", "SecondaryStatus"),
            default_order="Ascending",
        )


def _machines(job: dict[str, Any]) -> tuple[str, bool, int]:
    """Of a request or of a record: the instance type, whether it is on spot, and how many."""
    resources = job["ResourceConfig"]
    is_spot = bool(job.get("EnableManagedSpotTraining"))
    return resources["InstanceType"], is_spot, resources.get("InstanceCount", 1)
