"""A killed server takes all that it started with it, and comes back whole."""

import io
import os
import shutil
import signal
import subprocess
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy_scripts.project import PROGRAMS
from local_cloud import control


def test_nothing_is_left_of_a_killed_cloud(
    other_dropserve: Any, other_processes: Callable[[], list[psutil.Process]]
) -> None:
    cloud = other_dropserve.json("up", "--port", "0")
    other_dropserve.json("audit")  # so that a function's worker stands
    processes = other_processes()
    assert len(processes) > 1

    os.kill(cloud["pid"], signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=20)

    assert not alive
    assert other_dropserve.run("status").returncode == 1


def _kill(home: Path, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    while control.is_there(home / "cloud"):
        pass


def _assert_a_drop_begins_a_run(dropserve: Any, tmp_path: Path, name: str) -> None:
    """One that is refused, since that is quick; `drop` itself waits for the run's item in the ledger."""
    file, content = tmp_path / f"{name}.zip", io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("notes.txt", "no photo")
    file.write_bytes(content.getvalue())
    run = dropserve.json("drop", file)
    assert run["dataset"] == name


def _assert_bucket_is_as_deployed(dropserve: Any, bucket: str) -> None:
    s3 = dropserve.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_drops_begin_runs_after_a_kill_in_the_first_session(other_dropserve: Any, tmp_path: Path) -> None:
    cloud = other_dropserve.json("up", "--port", "0")
    bucket = cloud["outputs"]["BucketName"]
    # Something in it: what is on disk of a bucket is not its settings.
    other_dropserve.client("s3").put_object(Bucket=bucket, Key="uploads/photo.jpg", Body=b"1")
    _kill(tmp_path, cloud["pid"])

    cloud = other_dropserve.json("up", "--port", "0")
    _assert_bucket_is_as_deployed(other_dropserve, bucket)
    _assert_a_drop_begins_a_run(other_dropserve, tmp_path, "first")
    # Killed with a run under way: a later drop begins one all the same.
    _kill(tmp_path, cloud["pid"])
    assert other_dropserve.run("up", "--port", "0").returncode == 0
    assert "first" in {run["dataset"] for run in other_dropserve.json("runs")}
    _assert_a_drop_begins_a_run(other_dropserve, tmp_path, "second")


def test_a_bucket_that_is_all_that_is_left_is_taken_up_and_corrected(
    other_dropserve: Any, tmp_path: Path
) -> None:
    """As of a version that saved its state at a clean stop only."""
    cloud = other_dropserve.json("up", "--port", "0")
    bucket = cloud["outputs"]["BucketName"]
    other_dropserve.client("s3").put_object(Bucket=bucket, Key="drops/old/photo.jpg", Body=b"1")
    _kill(tmp_path, cloud["pid"])
    (tmp_path / "cloud" / "cloud.json").unlink()

    up = other_dropserve.run("up", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert "versioning is turned on again" in up.stdout
    assert "its events are turned on again" in up.stdout
    _assert_bucket_is_as_deployed(other_dropserve, bucket)
    assert other_dropserve.client("s3").head_object(Bucket=bucket, Key="drops/old/photo.jpg")
    _assert_a_drop_begins_a_run(other_dropserve, tmp_path, "new")


def test_a_deployment_that_is_not_whole_is_told(other_dropserve: Any, tmp_path: Path) -> None:
    cloud = other_dropserve.json("up", "--port", "0")
    machines = other_dropserve.client("stepfunctions")
    s3, bucket = other_dropserve.client("s3"), cloud["outputs"]["BucketName"]
    change_function = {"FunctionName": cloud["outputs"]["AuditFunctionName"], "Timeout": 7}
    other_dropserve.client("lambda").update_function_configuration(**change_function)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    up = other_dropserve.run("up")
    assert up.returncode == 0, up.stderr
    assert (
        "Changed since it was deployed, and left so: IamAuditFunction (AWS::Lambda::Function): /Timeout is 7"
        in up.stdout
    )
    assert "its events are turned on again" in up.stdout

    machines.delete_state_machine(stateMachineArn=cloud["outputs"]["StateMachineArn"])
    for command in ("up", "deploy"):
        refused = other_dropserve.run(command)
        assert refused.returncode == 1
        assert "is gone: TrainingPipeline (AWS::StepFunctions::StateMachine)." in refused.stderr
        assert "`dropserve destroy`, then `dropserve up`" in refused.stderr
    assert other_dropserve.run("destroy", "--yes").returncode == 0
    assert other_dropserve.run("up").returncode == 0
    _assert_a_drop_begins_a_run(other_dropserve, tmp_path, "new")


def test_concurrent_commands_find_one_cloud(other_dropserve: Any) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(other_dropserve.json("up", "--port", "0")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 3
    assert len({answer["pid"] for answer in answers}) == 1


@pytest.mark.parametrize("command", ["up", "demo", "status", "down", "env", "runs"])
@pytest.mark.parametrize("below", ["", "below"])
def test_a_home_that_is_a_file_is_told(tmp_path: Path, command: str, below: str) -> None:
    home = tmp_path / "home"
    home.write_text("")
    result = _run({"DROPSERVE_HOME": str(home / below)}, command)
    assert "Traceback" not in result.stderr
    assert "unexpected" not in result.stderr
    if command in {"up", "demo"}:
        assert f"Error: {home}" in result.stderr
        assert "move the file away" in result.stderr
    assert home.read_text() == ""


@pytest.mark.parametrize("port", ["65536", "-1", "4294967296", "x"])
def test_a_number_that_is_no_port_is_told(tmp_path: Path, port: str) -> None:
    result = _run({"DROPSERVE_HOME": str(tmp_path)}, "up", f"--port={port}")
    assert result.returncode == 2
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


def _run(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("dropserve", path=str(PROGRAMS))
    assert program
    environment = {**os.environ, **variables}
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
