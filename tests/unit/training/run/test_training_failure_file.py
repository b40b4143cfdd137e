"""Why a training failed stands where SageMaker looks, also when the disk takes nothing more."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from training.failures import DiskFullError, TrainingError, describe_error, explained
from training.job.failure_file import give_up_failure_file, report_failure, reserve_failure_file

# As on a full disk, no file can grow: RLIMIT_FSIZE fails each write beyond what is there.
FAILS_ON_A_FULL_DISK = """
import errno, resource
from pathlib import Path
from training.failures import describe_error, explained
from training.job.failure_file import report_failure, reserve_failure_file

reserve_failure_file()
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    Path("model").write_bytes(bytes(5000))
except OSError:
    report_failure(describe_error(explained(OSError(errno.ENOSPC, "No space left on device", "model"), [])))
"""


@pytest.fixture(autouse=True)
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "output"
    monkeypatch.setenv("SM_OUTPUT_DIR", str(folder))
    return folder


def test_the_reason_takes_the_reserved_room(output: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FAILS_ON_A_FULL_DISK], cwd=tmp_path, check=True, env=_environment())
    assert (output / "failure").read_text().startswith("the disk is full ([Errno 28] No space left on device")
    assert [file.name for file in output.iterdir()] == ["failure"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}


def test_the_first_of_several_processes_knows_why(output: Path) -> None:
    reserve_failure_file()
    (output / "failure").write_text("the first reason")
    report_failure("a later one")
    assert {file.name: file.read_text() for file in output.iterdir()} == {"failure": "the first reason"}


def test_without_a_failure_nothing_is_left(output: Path) -> None:
    reserve_failure_file()
    assert [file.stat().st_size for file in output.iterdir()] == [4096]
    give_up_failure_file()
    assert not list(output.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_explained_by_its_number(number: int) -> None:
    error = explained(OSError(number, "full"), [])
    assert isinstance(error, DiskFullError)
    assert describe_error(error).startswith("the disk is full ([Errno")


def test_an_error_without_a_number_is_explained_by_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchs_own = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos")
    assert explained(torchs_own, [tmp_path, tmp_path / "missing"]) is torchs_own
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    assert describe_error(explained(torchs_own, [tmp_path])).startswith("the disk is full ([enforce fail")
    known = TrainingError("the dataset has one class")
    assert explained(known, [tmp_path]) is known
