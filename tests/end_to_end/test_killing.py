"""A killed server takes all that it started with it, and comes back whole."""

import io
import os
import shutil
import signal
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy_scripts.demo_data import PhotoSet
from deploy_scripts.project import PROGRAMS
from local_cloud import control
from tests.end_to_end.conftest import second_cloud
from tests.support.command_line import Dropserve, cloud_processes
from tests.support.waiting import wait_until

pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, build_folder: Path) -> Iterator[Dropserve]:
    """One home for all these tests; each of them begins with an `up`."""
    with second_cloud(tmp_path_factory.mktemp("killed"), build_folder) as command_line:
        yield command_line


def _kill(dropserve: Dropserve) -> None:
    """All that the server has started ends with it."""
    processes = cloud_processes(dropserve.home)
    os.kill(processes[0].pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert not alive
    wait_until(lambda: not control.is_there(dropserve.home / "cloud"))


def _no_photos() -> bytes:
    """A zip whose run is refused, since that is quick."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("notes.txt", "no photo")
    return content.getvalue()


def _assert_a_drop_begins_a_run(dropserve: Dropserve, folder: Path, name: str) -> None:
    """`drop` itself waits for the run's item in the ledger."""
    file = folder / f"{name}.zip"
    file.write_bytes(_no_photos())
    assert dropserve.json("drop", file)["dataset"] == name


def _assert_bucket_is_as_deployed(dropserve: Dropserve, bucket: str) -> None:
    s3 = dropserve.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)


def _runs(dropserve: Dropserve) -> dict[str, dict[str, Any]]:
    """The newest run of each dataset."""
    return {run["dataset"]: run for run in reversed(dropserve.json("runs"))}


def test_drops_begin_runs_after_a_kill_in_the_first_session(killed: Dropserve, tmp_path: Path) -> None:
    cloud = killed.json("up", "--port", "0")
    bucket = cloud["outputs"]["BucketName"]
    # Something in it: what is on disk of a bucket is not its settings.
    killed.client("s3").put_object(Bucket=bucket, Key="uploads/photo.jpg", Body=b"1")
    killed.json("audit")  # so that a function's worker stands
    assert len(cloud_processes(killed.home)) > 2
    _kill(killed)
    assert killed.run("status").returncode == 1

    up = killed.run("up", "--port", "0")
    assert "without saving: it was killed" in up.stdout
    assert "s before its end are lost. The objects in S3 are all there." in up.stdout
    _assert_bucket_is_as_deployed(killed, bucket)
    _assert_a_drop_begins_a_run(killed, tmp_path, "first")


def test_a_run_that_was_cut_off_is_named_and_cleaned_up_after(
    killed: Dropserve, food_photos: PhotoSet
) -> None:
    killed.json("up", "--port", "0")
    killed.json("drop", food_photos.zip_file, "--name", "cut")
    machine = killed.outputs["StateMachineArn"]
    wait_until(lambda: killed.client("sagemaker").list_training_jobs()["TrainingJobSummaries"], timeout_s=120)
    _kill(killed)

    up = killed.run("up", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert "of drops/cut.zip was cut off" in up.stdout
    assert "`dropserve run --key drops/cut.zip`" in up.stdout
    machines = killed.client("stepfunctions")
    wait_until(
        lambda: not machines.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"],
        timeout_s=120,
    )
    run = _runs(killed)["cut"]
    assert run["status"] == "failed"
    assert "States.ServiceRestart" in run["reason"]
    assert run["ended_at"]
    assert not any(killed.json("status")["besides"].values())


def test_a_drop_whose_event_was_lost_gets_its_run(killed: Dropserve) -> None:
    bucket = killed.json("up", "--port", "0")["outputs"]["BucketName"]
    s3 = killed.client("s3")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.put_object(Bucket=bucket, Key="drops/earlier.zip", Body=_no_photos())
    # S3 tells whole seconds.
    wait_until(
        lambda: (control.save_state(killed.home / "cloud").saved_at or "") > _later(s3, bucket), timeout_s=30
    )
    s3.put_object(Bucket=bucket, Key="drops/lost.zip", Body=_no_photos())
    _kill(killed)

    up = killed.run("up", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert f"s3://{bucket}/drops/lost.zip, dropped at" in up.stdout
    assert "It runs now: `dropserve watch`" in up.stdout
    assert "Start it: `dropserve run --key drops/earlier.zip`" in up.stdout
    wait_until(lambda: "lost" in _runs(killed))
    assert "earlier" not in _runs(killed)


def _later(s3: Any, bucket: str) -> str:
    """Two seconds after the earlier drop, in ISO 8601."""
    dropped_at = s3.head_object(Bucket=bucket, Key="drops/earlier.zip")["LastModified"]
    return str((dropped_at + timedelta(seconds=2)).isoformat())


def test_a_bucket_that_is_all_that_is_left_is_taken_up_and_corrected(
    killed: Dropserve, tmp_path: Path
) -> None:
    """As of a version that saved its state at a clean stop only."""
    bucket = killed.json("up", "--port", "0")["outputs"]["BucketName"]
    killed.client("s3").put_object(Bucket=bucket, Key="drops/old/photo.jpg", Body=b"1")
    _kill(killed)
    (killed.home / "cloud" / "cloud.json").unlink()

    up = killed.run("up", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert "versioning is turned on again" in up.stdout
    assert "its events are turned on again" in up.stdout
    _assert_bucket_is_as_deployed(killed, bucket)
    assert killed.client("s3").head_object(Bucket=bucket, Key="drops/old/photo.jpg")
    _assert_a_drop_begins_a_run(killed, tmp_path, "new")


def test_a_deployment_that_is_not_whole_is_told(killed: Dropserve, tmp_path: Path) -> None:
    cloud = killed.json("up", "--port", "0")
    s3, bucket = killed.client("s3"), cloud["outputs"]["BucketName"]
    change_function = {"FunctionName": cloud["outputs"]["AuditFunctionName"], "Timeout": 7}
    killed.client("lambda").update_function_configuration(**change_function)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    up = killed.run("up")
    assert up.returncode == 0, up.stderr
    assert (
        "Changed since it was deployed, and left so: IamAuditFunction (AWS::Lambda::Function): /Timeout is 7"
        in up.stdout
    )
    assert "its events are turned on again" in up.stdout

    machines = killed.client("stepfunctions")
    machines.delete_state_machine(stateMachineArn=cloud["outputs"]["StateMachineArn"])
    for command in ("up", "deploy"):
        refused = killed.run(command)
        assert refused.returncode == 1
        assert "is gone: TrainingPipeline (AWS::StepFunctions::StateMachine)." in refused.stderr
        assert "`dropserve destroy`, then `dropserve up`" in refused.stderr
    assert killed.run("destroy", "--yes").returncode == 0
    assert killed.run("up").returncode == 0
    _assert_a_drop_begins_a_run(killed, tmp_path, "again")


def test_concurrent_commands_find_one_cloud(killed: Dropserve) -> None:
    killed.run("down")
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(killed.json("up", "--port", "0"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
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
