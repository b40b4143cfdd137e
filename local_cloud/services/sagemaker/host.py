"""What the service runs on: local programs, processes, and the rest of the cloud."""

from dataclasses import dataclass
from pathlib import Path

from local_cloud.containers import Containers
from local_cloud.processes import Processes
from local_cloud.services.aws_clients import ClientFactory


@dataclass(frozen=True)
class Host:
    """`work_dir` takes the folders of running jobs and endpoints; they are removed when those end."""

    containers: Containers
    processes: Processes
    clients: ClientFactory
    work_dir: Path
