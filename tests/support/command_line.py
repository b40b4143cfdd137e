"""The command line as a person has it, on a cloud of one's own."""

import functools
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil

from deploy_scripts import local_target
from deploy_scripts.project import PROGRAMS
from local_cloud import control

# A run ends within a fraction of this; a hung one must not hang the suite.
COMMAND_LIMIT_S = 240


@dataclass(frozen=True)
class Dropserve:
    """The command line as a person has it, on a cloud of this test session."""

    environment: dict[str, str]

    def run(
        self, *arguments: object, program: str = "dropserve", limit_s: float = COMMAND_LIMIT_S
    ) -> subprocess.CompletedProcess[str]:
        """The program's end and output. Raises subprocess.TimeoutExpired after `limit_s` seconds."""
        return subprocess.run(
            [str(PROGRAMS / program), *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit_s,
        )

    def with_aws_variables(self) -> "Dropserve":
        """The same, for programs that know AWS only by its variables."""
        return Dropserve({**self.environment, **self.json("env")})

    def json(self, *arguments: object) -> Any:
        """What a command that must succeed prints with --json."""
        result = self.run(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    @functools.cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs, which no restart changes."""
        outputs: dict[str, str] = self.json("status")["outputs"]
        return outputs

    @property
    def home(self) -> Path:
        return Path(self.environment["DROPSERVE_HOME"])

    def client(self, service: str) -> Any:
        """A boto3 client of the cloud as it runs now, with what `dropserve env` prints."""
        cloud = control.find(self.home / "cloud")
        assert cloud is not None
        variables = local_target.client_variables(cloud)
        return boto3.client(
            service,  # type: ignore[call-overload]  # the name is a variable
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            region_name=variables["AWS_REGION"],
            endpoint_url=variables["AWS_ENDPOINT_URL"],
        )

    def live_release(self) -> str | None:
        release: str | None = self.json("status")["release"]
        return release


def command_line_for(home: Path) -> Dropserve:
    """One whose cloud lives in this folder, whatever AWS settings the person has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return Dropserve({**environment, "DROPSERVE_HOME": str(home)})


def cloud_processes(home: Path) -> list[psutil.Process]:
    """The server of this folder and every process below it: workers, training, endpoints, instances."""
    cloud = control.find(home / "cloud")
    if cloud is None:
        return []
    server = psutil.Process(cloud.pid)
    return [server, *server.children(recursive=True)]
