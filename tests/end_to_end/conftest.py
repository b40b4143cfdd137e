"""One deployed stack in one really started cloud for all these tests; and small drops of real photos."""

import functools
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from deploy_scripts import local_target
from deploy_scripts.demo_data import DEMO_GROUPS, PhotoSet, prepare_photos
from deploy_scripts.project import PROGRAMS
from local_cloud import control

# A run ends within a fraction of this; a hung one must not hang the suite.
COMMAND_LIMIT_S = 240
GONE_LIMIT_S = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cloud)


@dataclass(frozen=True)
class Dropserve:
    """The command line as a person has it, on a cloud of this test session."""

    environment: dict[str, str]

    def run(self, *arguments: object, program: str = "dropserve") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAMS / program), *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_LIMIT_S,
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


@pytest.fixture(scope="session")
def dropserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dropserve]:
    """A cloud at a free port with dropserve deployed; at the end nothing of it is left."""
    home = tmp_path_factory.mktemp("dropserve")
    command_line = command_line_for(home)
    up = command_line.run("up", "--port", "0")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        yield command_line
    finally:
        processes = cloud_processes(home)
        down = command_line.run("down")
    assert down.returncode == 0, down.stderr
    assert not calls_beyond_their_policies(home)
    _, alive = psutil.wait_procs(processes, timeout=GONE_LIMIT_S)
    assert not alive


def calls_beyond_their_policies(home: Path) -> set[tuple[str, str, str]]:
    """(role, action, resource) of what the stack's own roles did without being allowed to."""
    calls = [json.loads(line) for line in (home / "cloud" / "activity.jsonl").read_text().splitlines()]
    return {
        (call["principal"], call["action"], call["resource"])
        for call in calls
        if ":role/dropserve/" in call["principal"] and not call["allowed"]
    }


def command_line_for(home: Path) -> Dropserve:
    """One whose cloud lives in this folder, whatever AWS settings the person has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return Dropserve({**environment, "DROPSERVE_HOME": str(home)})


@pytest.fixture(scope="session")
def built_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the functions' packages lie once the first of the second clouds has installed them."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture
def other_dropserve(tmp_path: Path, built_packages: Path) -> Iterator[Dropserve]:
    """A second cloud, for a test that harms it."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "packages").symlink_to(built_packages)
    command_line = command_line_for(tmp_path)
    yield command_line
    command_line.run("down")


@pytest.fixture
def other_processes(tmp_path: Path) -> Callable[[], list[psutil.Process]]:
    """The processes of the second cloud, when asked."""
    return lambda: cloud_processes(tmp_path)


def cloud_processes(home: Path) -> list[psutil.Process]:
    """The server of this folder and every process below it: workers, training, endpoints, instances."""
    cloud = control.find(home / "cloud")
    if cloud is None:
        return []
    server = psutil.Process(cloud.pid)
    return [server, *server.children(recursive=True)]


@pytest.fixture(scope="session")
def food_photos() -> PhotoSet:
    return prepare_photos("end-to-end-food", DEMO_GROUPS, at_most=14)


@pytest.fixture(scope="session")
def other_photos() -> PhotoSet:
    """Other photos, other classes."""
    return prepare_photos("end-to-end-other", {"A": "cereals", "D": "vegetables"}, at_most=20)


@pytest.fixture(scope="session")
def first_release(dropserve: Dropserve, food_photos: PhotoSet) -> dict[str, Any]:
    """The run of the first drop, live when it ended."""
    run: dict[str, Any] = dropserve.json("drop", food_photos.zip_file, "--name", "small", "--watch")
    return run
