"""What the service runs on: local programs, processes, ports, and the rest of the cloud."""

import socket
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


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, for a process that stands for an instance."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
