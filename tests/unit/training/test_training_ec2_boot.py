"""ec2_boot.sh with an `aws` and a `shutdown` of our own: it trains, tells, and always shuts down."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_photos import Trained, write_photos

TOKEN = "a-token-that-nobody-may-read"
JOB = "dropserve-run-0"
# What stands for train.py where no model is needed.
QUICK_TRAINING = """
import os, pathlib, sys
print("arguments:", *sys.argv[1:])
print("token:", os.environ.get("DROPSERVE_TASK_TOKEN"))
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.pth").write_text("weights")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json").write_text("{}")
"""


@dataclass(frozen=True)
class Machine:
    """A machine before its first boot: its home, its commands, and the fake cloud behind them."""

    folder: Path
    boot: Path

    def put(self, key: str, content: bytes) -> None:
        path = self.folder / "cloud" / "s3" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def put_training(self, script: str) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            info = tarfile.TarInfo("train.py")
            info.size = len(script.encode())
            archive.addfile(info, io.BytesIO(script.encode()))
        self.put("artifacts/training/sourcedir-1.tar.gz", buffer.getvalue())

    def put_plan(self, **hyperparameters: Any) -> None:
        toolkit = {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://artifacts/training/sourcedir-1.tar.gz",
        }
        sources = {
            "dataset": "s3://data/drops/pets/",
            "weights": "s3://artifacts/weights/efficientnet_lite0.pth",
        }
        plan = {
            "hyperparameters": {
                name: json.dumps(value) for name, value in {**toolkit, **hyperparameters}.items()
            },
            "input_data_config": [
                {
                    "ChannelName": name,
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                }
                for name, uri in sources.items()
            ],
            "output_uri": "s3://data/runs/1/training",
        }
        self.put("data/runs/1/plan.json", json.dumps(plan).encode())

    def start(self, **changes: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "FAKE_AWS": str(self.folder / "cloud"),
            "DROPSERVE_RUN_ID": "1",
            "DROPSERVE_JOB_NAME": JOB,
            "DROPSERVE_PLAN_URI": "s3://data/runs/1/plan.json",
            "DROPSERVE_TASK_TOKEN": TOKEN,
            "DROPSERVE_DEADLINE_S": "300",
            "AWS_DEFAULT_REGION": "eu-west-1",
            **changes,
        }
        return subprocess.run(
            ["bash", str(self.boot)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def calls(self, operation: str) -> list[dict[str, str]]:
        lines = (self.folder / "cloud" / "calls.jsonl").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["operation"] == operation]

    def shutdowns(self) -> list[str]:
        file = self.folder / "shutdowns"
        return file.read_text().splitlines() if file.exists() else []

    def uploaded(self, name: str) -> list[str]:
        archive = self.folder / "cloud" / "s3" / "data" / "runs" / "1" / "training" / JOB / "output" / name
        with tarfile.open(archive) as tar:
            return sorted(str(Path(member.name)) for member in tar if member.isfile())


@pytest.fixture
def machine(tmp_path: Path, training_folder: Path) -> Machine:
    commands = {
        "aws": f'exec {sys.executable} {Path(__file__).with_name("fake_aws.py")} "$@"',
        "shutdown": f'echo "$@" >>{tmp_path / "shutdowns"}',
        "python3": f'exec {sys.executable} "$@"',
    }
    (tmp_path / "home").mkdir()
    (tmp_path / "bin").mkdir()
    for name, line in commands.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    machine = Machine(tmp_path, training_folder / "ec2_boot.sh")
    machine.put("artifacts/weights/efficientnet_lite0.pth", b"weights")
    machine.put("data/drops/pets/cat/1.jpg", b"photo")
    machine.put_training(QUICK_TRAINING)
    machine.put_plan(epochs=3)
    return machine


@pytest.fixture
def quick(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose torch is imported in no time."""
    stubs = machine.folder / "stubs"
    stubs.mkdir()
    for name in ("torch", "torchvision", "matplotlib"):
        (stubs / f"{name}.py").touch()
    python = machine.folder / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={stubs} exec {sys.executable} "$@"\n')
    return machine


def test_a_real_training_gives_what_sagemaker_would_give(machine: Machine, trained: Trained) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for module in machine.boot.parent.glob("*.py"):
            archive.add(module, module.name)
    machine.put("artifacts/training/sourcedir-1.tar.gz", buffer.getvalue())
    machine.put(
        "artifacts/weights/efficientnet_lite0.pth", (trained.weights / "efficientnet_lite0.pth").read_bytes()
    )
    shutil.rmtree(machine.folder / "cloud" / "s3" / "data" / "drops" / "pets")
    write_photos(machine.folder / "cloud" / "s3" / "data" / "drops" / "pets", count=6)
    machine.put_plan(**{"image-size": 64, "epochs": 3, "run-id": "c" * 32})

    run = machine.start()
    assert run.returncode == 0, run.stdout + run.stderr
    assert {"model.pth", "classes.json", "model.json", "code/inference.py"} <= set(
        machine.uploaded("model.tar.gz")
    )
    assert machine.uploaded("output.tar.gz") == ["metrics.json", "report.html", "smoke_test.jpg"]
    assert "test_accuracy=" in run.stdout
    assert machine.shutdowns() == ["-h now"]


def test_the_state_machine_hears_where_the_model_is(quick: Machine) -> None:
    run = quick.start()
    assert run.returncode == 0, run.stdout + run.stderr
    (answer,) = quick.calls("send-task-success")
    assert answer["taskToken"] == TOKEN
    uri = f"s3://data/runs/1/training/{JOB}/output/model.tar.gz"
    assert json.loads(answer["output"]) == {"ModelArtifacts": {"S3ModelArtifacts": uri}}
    assert quick.calls("send-task-heartbeat")[0]["taskToken"] == TOKEN
    assert quick.calls("send-task-failure") == []
    assert quick.shutdowns() == ["-h now"]
    data = quick.folder / "home" / "dropserve" / JOB / "input" / "data"
    assert (data / "dataset" / "cat" / "1.jpg").read_bytes() == b"photo"
    assert (data / "weights" / "efficientnet_lite0.pth").read_bytes() == b"weights"


def test_the_training_gets_its_hyperparameters_and_no_token(quick: Machine) -> None:
    quick.put_plan(epochs=3, **{"learning-rate": 0.001, "run-id": "d e"})
    output = quick.start().stdout
    assert "arguments: --epochs 3 --learning-rate 0.001 --run-id d e\n" in output
    assert "token: None\n" in output
    assert TOKEN not in output


def test_a_failed_training_is_told_with_its_reason_and_log(quick: Machine) -> None:
    quick.put_training(
        "import os, pathlib, sys\n"
        "print('phase=read')\n"
        "pathlib.Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('the dataset has one class')\n"
        "sys.exit('training failed')\n"
    )
    run = quick.start()
    assert run.returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert (answer["taskToken"], answer["error"]) == (TOKEN, "TrainingFailed")
    assert answer["cause"].startswith("the dataset has one class\n")
    assert "phase=read\ntraining failed\n" in answer["cause"]
    assert quick.calls("send-task-success") == []
    assert quick.shutdowns() == ["-h now"]


def test_a_download_that_fails_is_told(quick: Machine) -> None:
    (quick.folder / "cloud" / "s3" / "artifacts" / "weights" / "efficientnet_lite0.pth").unlink()
    assert quick.start().returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert "(404)" in answer["cause"]
    assert "efficientnet_lite0.pth" in answer["cause"]
    assert quick.shutdowns() == ["-h now"]


def test_the_deadline_ends_a_training_that_hangs(quick: Machine) -> None:
    quick.put_training("import time\nprint('still here', flush=True)\ntime.sleep(600)\n")
    started = time.monotonic()
    assert quick.start(DROPSERVE_DEADLINE_S="3").returncode == 143
    assert time.monotonic() - started < 100
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith("the training was not finished after 3 seconds\n")
    assert quick.shutdowns() == ["-h now"]


def test_a_training_that_nobody_waits_for_ends(quick: Machine) -> None:
    quick.put_training("import time\ntime.sleep(600)\n")
    (quick.folder / "cloud" / "refuse").write_text(json.dumps({"send-task-heartbeat": "TaskTimedOut"}))
    assert quick.start().returncode == 143
    assert quick.shutdowns() == ["-h now"]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("DROPSERVE_PLAN_URI", "", "the variable DROPSERVE_PLAN_URI is not set"),
        ("DROPSERVE_DEADLINE_S", "soon", "DROPSERVE_DEADLINE_S is not a number of seconds"),
    ],
)
def test_a_machine_without_its_settings_says_so_and_ends(
    quick: Machine, variable: str, value: str, sentence: str
) -> None:
    assert quick.start(**{variable: value}).returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert answer["cause"].startswith(sentence)
    assert quick.shutdowns() == ["-h now"]


def test_a_channel_name_cannot_leave_its_folder(quick: Machine) -> None:
    plan_file = quick.folder / "cloud" / "s3" / "data" / "runs" / "1" / "plan.json"
    plan = json.loads(plan_file.read_text())
    plan["input_data_config"][0]["ChannelName"] = "../../escape"
    plan_file.write_text(json.dumps(plan))
    assert quick.start().returncode == 1
    (answer,) = quick.calls("send-task-failure")
    assert "the channel '../../escape' of plan.json is of a kind" in answer["cause"]


def test_no_other_user_can_read_what_it_writes(quick: Machine) -> None:
    quick.start()
    work = quick.folder / "home" / "dropserve" / JOB
    assert (work / "success.json").stat().st_mode & 0o077 == 0
    assert work.stat().st_mode & 0o077 == 0
