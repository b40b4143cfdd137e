"""A machine that boots ec2_boot.sh with an `aws` and a `shutdown` of our own."""

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

TOKEN = "a-token-that-nobody-may-read"
JOB = "dropserve-run-0"
PLAN_URI = "s3://data/runs/1/plan.json"
LOG_GROUP = "/dropserve/ec2-training"
PROJECT = Path(__file__).parents[4]
# What the boot script runs of the real code.
CODE = (
    *("training/__init__.py", "training/ec2/__init__.py", "training/ec2/job.py"),
    *("training/job/__init__.py", "training/job/pinned_packages.py"),
)

# What stands for training.train where no model is needed.
QUICK_TRAINING = """
import os, pathlib, sys
print("arguments:", sys.argv[1:])
print("token:", os.environ.get("DROPSERVE_TASK_TOKEN"))
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.pth").write_text("weights")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json").write_text("{}")
"""

# This machine's own torch, which need not be installed.
TORCH_PINS = "".join(f"{name}=={metadata.version(name)}\n" for name in ("torch", "torchvision"))


def made_plan(**hyperparameters: Any) -> dict[str, Any]:
    """The part of plan.json that the machine reads, as plan_training writes it."""
    toolkit = {
        "sagemaker_program": "training/train.py",
        "sagemaker_submit_directory": "s3://artifacts/training/sourcedir-1.tar.gz",
    }
    sources = {
        "dataset": "s3://data/snapshots/1/dataset.zip",
        "weights": "s3://artifacts/weights/efficientnet_lite0.pth",
    }
    return {
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


def channel(plan: dict[str, Any], name: str) -> dict[str, Any]:
    """The S3DataSource of a channel."""
    (found,) = (each for each in plan["input_data_config"] if each["ChannelName"] == name)
    source: dict[str, Any] = found["DataSource"]["S3DataSource"]
    return source


@dataclass(frozen=True)
class Machine:
    """A machine before its first boot: its home, its commands, and the fake cloud behind them."""

    folder: Path
    boot: Path
    requirements: str = ""
    torch_pins: str = TORCH_PINS

    def put(self, key: str, content: bytes) -> None:
        path = self.folder / "cloud" / "s3" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def put_training(self, script: str, **changes: float) -> None:
        """A code archive with this train.py and a log shipper of quicker constants, or of those given."""
        shipper = (self.boot.parent / "log_shipper.py").read_text()
        quicker = with_constants(shipper, {"TICK_S": 0.05, "SEND_EVERY_S": 0.1, **changes})
        self.put_code(
            {
                "training/train.py": script.encode(),
                **{name: (PROJECT / name).read_bytes() for name in CODE},
                "torch_pins.txt": self.torch_pins.encode(),
                "training_pins.txt": self.requirements.encode(),
                "training/ec2/log_shipper.py": quicker.encode(),
            }
        )

    def put_code(self, files: Mapping[str, bytes]) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        self.put("artifacts/training/sourcedir-1.tar.gz", buffer.getvalue())

    def put_plan(self, **hyperparameters: Any) -> None:
        self.put(PLAN_URI.removeprefix("s3://"), json.dumps(made_plan(**hyperparameters)).encode())

    def change_plan(self, change: Callable[[dict[str, Any]], object]) -> None:
        file = self.folder / "cloud" / "s3" / PLAN_URI.removeprefix("s3://")
        plan = json.loads(file.read_text())
        change(plan)
        file.write_text(json.dumps(plan))

    def refuse(self, **errors: str) -> None:
        """From now on these operations (`put_log_events`) fail with an error code; the others work."""
        refusals = {operation.replace("_", "-"): error for operation, error in errors.items()}
        (self.folder / "cloud" / "refuse").write_text(json.dumps(refusals))

    def boot_in_background(self, **changes: str) -> subprocess.Popen[str]:
        environment = {
            "HOME": str(self.folder / "home"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "FAKE_AWS": str(self.folder / "cloud"),
            "DROPSERVE_JOB_NAME": JOB,
            "DROPSERVE_PLAN_URI": PLAN_URI,
            "DROPSERVE_CODE_URI": "s3://artifacts/training/sourcedir-1.tar.gz",
            "DROPSERVE_TASK_TOKEN": TOKEN,
            "DROPSERVE_DEADLINE_S": "300",
            "DROPSERVE_LOG_GROUP": LOG_GROUP,
            "AWS_DEFAULT_REGION": "eu-west-1",
            **changes,
        }
        return subprocess.Popen(
            ["bash", str(self.boot)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def start(self, **changes: str) -> subprocess.CompletedProcess[str]:
        process = self.boot_in_background(**changes)
        stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        lines = (self.folder / "cloud" / "calls.jsonl").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["operation"] == operation]

    def log(self) -> list[str]:
        """The messages in the job's stream, in their order."""
        stream = self.folder / "cloud" / "streams" / LOG_GROUP.strip("/") / JOB
        batches = map(json.loads, stream.read_text().splitlines()) if stream.exists() else ()
        return [event["message"] for batch in batches for event in batch]

    def shutdowns(self) -> list[str]:
        file = self.folder / "shutdowns"
        return file.read_text().splitlines() if file.exists() else []

    def uploaded(self, name: str) -> list[str]:
        archive = self.folder / "cloud" / "s3" / "data" / "runs" / "1" / "training" / JOB / "output" / name
        with tarfile.open(archive) as tar:
            return sorted(str(Path(member.name)) for member in tar if member.isfile())


def new_machine(folder: Path, boot: Path) -> Machine:
    """One whose drop, weights, code and plan are in the cloud."""
    commands = {
        "aws": f'exec {sys.executable} {Path(__file__).with_name("fake_aws.py")} "$@"',
        "shutdown": f'echo "$@" >>{folder / "shutdowns"}',
        "python3": f'exec {sys.executable} "$@"',
    }
    (folder / "home").mkdir()
    (folder / "bin").mkdir()
    for name, line in commands.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / "bin" / name).chmod(0o755)
    machine = Machine(folder, boot)
    machine.put("artifacts/weights/efficientnet_lite0.pth", b"weights")
    machine.put("data/snapshots/1/dataset.zip", b"photos")
    machine.put_training(QUICK_TRAINING)
    machine.put_plan(epochs=3)
    return machine


def stub_packages(machine: Machine, **programs: str) -> None:
    """Packages that are imported in no time; `programs` is what is in further ones, or those not empty."""
    stubs = machine.folder / "stubs"
    stubs.mkdir(exist_ok=True)
    for name in {"torch", "torchvision", "matplotlib", *programs}:
        (stubs / f"{name}.py").write_text(programs.get(name, ""))
    python = machine.folder / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{stubs}:$PYTHONPATH" exec {sys.executable} "$@"\n')


def make_amazon_linux(machine: Machine, dnf: str, os_release: str = 'ID="amzn"') -> Machine:
    """The machine, whose python3 has no pip; `dnf` is the line of shell that is to bring another one.

    It finds one that is ready in `$NEWER`; what it was told is in the file `dnf`.
    """
    programs = machine.folder / "bin"
    newer = (programs / "python3").rename(machine.folder / "newer-python")
    commands = {
        "python3": f'exec {sys.executable} -I -S "$@"',
        "dnf": f'echo "$@" >>{machine.folder / "dnf"}; NEWER={newer}; {dnf}',
    }
    for name, line in commands.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    system = machine.folder / "os-release"
    system.write_text(f'NAME="a system"\n{os_release}\n')
    boot = machine.folder / "ec2_boot.sh"
    boot.write_text(with_constants(machine.boot.read_text(), {"OS_RELEASE": system}))
    return replace(machine, boot=boot)


def with_constants(program: str, changes: Mapping[str, object]) -> str:
    """A program with other values of its constants, each of which must be there."""
    for name, value in changes.items():
        program, count = re.subn(rf"(?m)^((?:readonly )?{name} ?= ?)\S+$", rf"\g<1>{value}", program)
        assert count == 1, name
    return program
