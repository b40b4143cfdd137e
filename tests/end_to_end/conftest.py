"""One deployed stack in one really started cloud for each folder of tests; and small drops of real photos."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy_scripts.demo_data import DEMO_GROUPS, PhotoSet, prepare_photos
from tests.support.command_line import Dropserve, cloud_processes, command_line_for

GONE_LIMIT_S = 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.cloud)


@pytest.fixture(scope="session")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the functions' zips lie once the first of the clouds has built them."""
    return tmp_path_factory.mktemp("build")


def home_with(build_folder: Path, home: Path) -> Dropserve:
    """The command line of this home, with the zips that are built already."""
    (home / "build").symlink_to(build_folder)
    return command_line_for(home)


@pytest.fixture(scope="session")
def dropserve(tmp_path_factory: pytest.TempPathFactory, build_folder: Path) -> Iterator[Dropserve]:
    """A cloud at a free port with dropserve deployed; at the end nothing of it is left."""
    home = tmp_path_factory.mktemp("dropserve")
    command_line = home_with(build_folder, home)
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


@contextmanager
def second_cloud(home: Path, build_folder: Path) -> Iterator[Dropserve]:
    """A home of one's own, with the functions' zips of the others; its cloud ends at the end."""
    command_line = home_with(build_folder, home)
    yield command_line
    command_line.run("down")


@pytest.fixture
def other_dropserve(tmp_path: Path, build_folder: Path) -> Iterator[Dropserve]:
    """A second cloud, for a test that harms it."""
    with second_cloud(tmp_path, build_folder) as command_line:
        yield command_line


@pytest.fixture
def other_processes(tmp_path: Path) -> Callable[[], list[psutil.Process]]:
    """The processes of the second cloud, when asked."""
    return lambda: cloud_processes(tmp_path)


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


@pytest.fixture
def live(dropserve: Dropserve, first_release: dict[str, Any]) -> dict[str, Any]:
    """What is live now: another test may have replaced the first release."""
    status: dict[str, Any] = dropserve.json("status")
    return status
