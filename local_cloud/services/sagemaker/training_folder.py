"""The folder that a training container sees as /opt/ml, laid out for one job.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
from pathlib import Path, PurePosixPath
from typing import Any

CONTAINER_ROOT = PurePosixPath("/opt/ml")
DEFAULT_CHECKPOINT_PATH = "/opt/ml/checkpoints"

# The sagemaker-training toolkit waits until the host's name resolves: this one always does.
_HOST = "localhost"


class TrainingFolder:
    """`root` stands for /opt/ml: the toolkit is told by SAGEMAKER_BASE_DIR."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model = root / "model"
        self.output_data = root / "output" / "data"
        self.failure = root / "output" / "failure"
        self.log = root / "training.log"

    def create(self, job: dict[str, Any]) -> None:
        """Makes the folders and the three configuration files of a job."""
        for folder in (
            self.model,
            self.output_data,
            self.root / "input" / "config",
            self.root / "input" / "data",
        ):
            folder.mkdir(parents=True, exist_ok=True)
        self._write("hyperparameters", job.get("HyperParameters", {}))
        self._write("resourceconfig", _resource_config(job["ResourceConfig"]["InstanceType"]))
        self._write("inputdataconfig", _input_data_config(job))

    def channel(self, name: str) -> Path:
        """Where the data of a channel is."""
        return self.root / "input" / "data" / name

    def checkpoints(self, local_path: str) -> Path:
        """The folder that stands for CheckpointConfig.LocalPath, which must be below /opt/ml."""
        return self.root / PurePosixPath(local_path).relative_to(CONTAINER_ROOT)

    def _write(self, name: str, document: dict[str, Any]) -> None:
        path = self.root / "input" / "config" / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")


def _resource_config(instance_type: str) -> dict[str, Any]:
    group = "homogeneousCluster"
    return {
        "current_host": _HOST,
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": [_HOST],
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": [_HOST]}],
        "network_interface_name": "lo",
    }


def _input_data_config(job: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in job.get("InputDataConfig", [])
    }
