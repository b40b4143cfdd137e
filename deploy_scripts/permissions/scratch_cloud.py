"""A local cloud for the scenarios alone, with dropserve deployed in it; the person's own is not touched."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy_scripts import local_target
from deploy_scripts.aws import Target, connect
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.project import cloud_state_folder
from deploy_scripts.stack_deployment import DeployChoices, deploy

MODEL_PACKAGE_GROUP = "scenarios"
# What a deployment may do besides, each of which takes a permission.
_PARAMETERS = {"ModelPackageGroupName": MODEL_PACKAGE_GROUP, "CaptureShare": "1"}


@dataclass(frozen=True)
class ScratchCloud:
    """`activity_log` is whole only once the cloud has ended."""

    deployment: Deployment
    activity_log: Path


@contextmanager
def scratch_cloud(folder: Path, *, say: Callable[[str], None]) -> Iterator[ScratchCloud]:
    """A fresh cloud at a free port, stopped at the end; its state stays in `folder`.

    Raises CliError when it cannot be started, or the stack cannot be deployed.
    """
    with _home(folder):
        local_target.start_cloud(port=0)
        try:
            aws = connect(Target())
            aws.sagemaker.create_model_package_group(ModelPackageGroupName=MODEL_PACKAGE_GROUP)
            choices = DeployChoices(parameters=_PARAMETERS)
            outputs = deploy(aws, choices, say=say, warn=say)
            yield ScratchCloud(Deployment(aws, outputs), cloud_state_folder() / "activity.jsonl")
        finally:
            local_target.stop_cloud()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="dropserve-verification-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """DROPSERVE_HOME while the scenarios run: it decides where a cloud keeps its state."""
    before = os.environ.get("DROPSERVE_HOME")
    os.environ["DROPSERVE_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DROPSERVE_HOME"]
        else:
            os.environ["DROPSERVE_HOME"] = before
