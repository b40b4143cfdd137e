"""The folder that a training container sees as /opt/ml, laid out for one job.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

CONTAINER_ROOT = PurePosixPath("/opt/ml")
DEFAULT_CHECKPOINT_PATH = "/opt/ml/checkpoints"

_LOOPBACK_INTERFACE = "lo0" if sys.platform == "darwin" else "lo"


def host_names(count: int) -> list[str]:
    """What the instances of a job call each other; SageMaker's algo-1, algo-2 would resolve nowhere here.

    The toolkit waits until every name resolves: an address is its own, and each of these is this machine.
    """
    return [f"127.0.0.{number}" for number in range(1, count + 1)]


class TrainingFolder:
    """`root` stands for /opt/ml: the toolkit is told by SAGEMAKER_BASE_DIR."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model = root / "model"
        self.output_data = root / "output" / "data"
        self.failure = root / "output" / "failure"
        self.log = root / "training.log"

    def create(self, job: dict[str, Any], host: str, hosts: Sequence[str]) -> None:
        """Makes the folders and the three configuration files of one `host` of a job's `hosts`."""
        for folder in (
            self.model,
            self.output_data,
            self.root / "input" / "config",
            self.root / "input" / "data",
        ):
            folder.mkdir(parents=True, exist_ok=True)
        given = job.get("HyperParameters", {})
        self._write("hyperparameters", {name: self._moved(value) for name, value in given.items()})
        self._write("resourceconfig", _resource_config(job["ResourceConfig"]["InstanceType"], host, hosts))
        self._write("inputdataconfig", _input_data_config(job))

    def channel(self, name: str) -> Path:
        """Where the data of a channel is."""
        return self.root / "input" / "data" / name

    def checkpoints(self, local_path: str) -> Path:
        """The folder that stands for CheckpointConfig.LocalPath, which must be below /opt/ml."""
        return self.root / PurePosixPath(local_path).relative_to(CONTAINER_ROOT)

    def _moved(self, hyperparameter: str) -> str:
        """The path of a file of /opt/ml, in JSON, as it is here."""
        return hyperparameter.replace(f'"{CONTAINER_ROOT}/', f'"{self.root}/', 1)

    def _write(self, name: str, document: dict[str, Any]) -> None:
        path = self.root / "input" / "config" / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")


def _resource_config(instance_type: str, host: str, hosts: Sequence[str]) -> dict[str, Any]:
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": hosts}
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": group["instance_group_name"],
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": _LOOPBACK_INTERFACE,
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
