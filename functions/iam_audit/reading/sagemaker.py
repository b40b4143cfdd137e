"""SageMaker's models, newest training jobs and notebooks."""

from collections.abc import Iterator, Mapping
from typing import Any

from functions.iam_audit.reading.sweep import Sweep
from functions.iam_audit.snapshot import Model, Notebook, TrainingJob

MAX_MODELS = 100
MAX_TRAINING_JOBS = 20
MAX_NOTEBOOKS = 50

# SageMaker's word for something that was deleted after it was listed.
_GONE = ("ValidationException", "ResourceNotFound")
_NEWEST_FIRST = {"SortBy": "CreationTime", "SortOrder": "Descending"}


def _newest(sweep: Sweep, thing: str, most: int, list_key: str) -> Iterator[Mapping[str, Any]]:
    """The description of each of the newest things, such as `training_job`, listed under `list_key`."""
    name_key = f"{thing.title().replace('_', '')}Name"
    pages = sweep.pages(
        "sagemaker", f"list_{thing}s", **_NEWEST_FIRST, PaginationConfig={"MaxItems": most + 1}
    )
    names = [each[name_key] for page in pages for each in page[list_key]]
    describe = f"describe_{thing}"
    for name in sweep.first(names, most, "sagemaker", describe, f"{thing.replace('_', ' ')}s, the newest,"):
        answer = sweep.detail("sagemaker", describe, absent=_GONE, **{name_key: name})
        if answer is not None:
            yield answer


def read_models(sweep: Sweep) -> tuple[Model, ...]:
    """The newest models."""
    return tuple(
        Model(
            arn=model["ModelArn"],
            name=model["ModelName"],
            in_vpc=_in_vpc(model),
            isolated=bool(model.get("EnableNetworkIsolation")),
        )
        for model in _newest(sweep, "model", MAX_MODELS, "Models")
    )


def read_training_jobs(sweep: Sweep) -> tuple[TrainingJob, ...]:
    """The newest training jobs."""
    return tuple(
        TrainingJob(
            arn=job["TrainingJobArn"],
            name=job["TrainingJobName"],
            in_vpc=_in_vpc(job),
            isolated=bool(job.get("EnableNetworkIsolation")),
            encrypts_traffic=bool(job.get("EnableInterContainerTrafficEncryption")),
            output_key=bool((job.get("OutputDataConfig") or {}).get("KmsKeyId")),
            instances=(job.get("ResourceConfig") or {}).get("InstanceCount", 1),
        )
        for job in _newest(sweep, "training_job", MAX_TRAINING_JOBS, "TrainingJobSummaries")
    )


def read_notebooks(sweep: Sweep) -> tuple[Notebook, ...]:
    """The newest notebook instances."""
    return tuple(
        Notebook(
            arn=each["NotebookInstanceArn"],
            name=each["NotebookInstanceName"],
            direct_internet=each.get("DirectInternetAccess") == "Enabled",
            root_access=each.get("RootAccess") == "Enabled",
            newest_metadata_only=_metadata_version(each) == "2",
            role_arn=each.get("RoleArn"),
        )
        for each in _newest(sweep, "notebook_instance", MAX_NOTEBOOKS, "NotebookInstances")
    )


def _in_vpc(description: Mapping[str, Any]) -> bool:
    return bool((description.get("VpcConfig") or {}).get("Subnets"))


def _metadata_version(notebook: Mapping[str, Any]) -> str:
    settings = notebook.get("InstanceMetadataServiceConfiguration") or {}
    return str(settings.get("MinimumInstanceMetadataServiceVersion", "1"))
