"""What boot.sh leaves to Python: plan.json read and checked, its channels fetched, training.train run.

`python3 -m training.ec2.job install|fetch|train|upload WORK_FOLDER`. Nothing of a plan is ever text of a
script: a value is checked here and goes to a program as one argument. It needs the `aws` command.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.bucket import MODEL_ARCHIVE, OUTPUT_ARCHIVE, PLAN
from contracts.training_job import CHANNELS
from training.job.pinned_packages import TORCH_PINS, TRAINING_PINS, InstallError, become_training
from training.job.pinned_packages import install as install_pins

# Every address in a plan is one that dropserve made; of a drop's own name it has nothing.
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_HYPERPARAMETER = re.compile(r"[a-z][a-z0-9-]*")
# What sagemaker-training keeps for itself.
_TOOLKIT = "sagemaker_"


class JobError(Exception):
    """The job cannot go on; the message is one sentence."""


@dataclass(frozen=True)
class Plan:
    """The checked part of plan.json that this machine goes by; `channels` are addresses by name."""

    channels: dict[str, str]
    arguments: list[str]
    output_uri: str


def read_plan(file: Path, buckets: set[str]) -> Plan:
    """The plan, whose addresses must lie in `buckets`.

    Raises JobError, which names what is not as plan_training writes it.
    """
    try:
        plan = json.loads(file.read_text("utf-8"))
        channels = dict(_channel(channel, buckets) for channel in plan["input_data_config"])
        values = {name: json.loads(value) for name, value in plan["hyperparameters"].items()}
        output_uri = _address(plan["output_uri"], buckets, "output_uri")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(
            f"plan.json is not as plan_training writes it ({type(error).__name__}: {error})"
        ) from error
    arguments = [_argument(name, value) for name, value in sorted(values.items()) if _is_ours(name)]
    return Plan(channels, arguments, output_uri)


def _channel(channel: dict[str, Any], buckets: set[str]) -> tuple[str, str]:
    name, source = channel["ChannelName"], channel["DataSource"]["S3DataSource"]
    if name not in CHANNELS or source["S3DataType"] != "S3Prefix":
        raise JobError(f"the channel {name!r} of plan.json is of a kind that training.ec2.job does not know")
    return name, _address(source["S3Uri"], buckets, f"channel {name}")


def _address(value: Any, buckets: set[str], what: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if not match or match[1] not in buckets or ".." in value:
        raise JobError(f"the {what} of plan.json has the address {value!r}, which is none of this deployment")
    address: str = value
    return address


def _is_ours(name: str) -> bool:
    return not name.startswith(_TOOLKIT)


def _argument(name: str, value: Any) -> str:
    """One word: a value that begins with a dash stays a value."""
    if not _HYPERPARAMETER.fullmatch(name) or isinstance(value, (dict, list)) or "\0" in str(value):
        raise JobError(f"the hyperparameter {name!r} of plan.json is none that train.py can be told")
    return f"--{name}={value}"


def install(work: Path) -> None:
    """Put the pinned packages that train.py needs into a folder, unless this Python has them.

    torch and its libraries are 3 GB: they are left out where this Python has that version of torch.
    """
    try:
        install_pins(TORCH_PINS, _packages(work), judged_by=("torch", "torchvision"))
        install_pins(TRAINING_PINS, _packages(work))
    except InstallError as error:
        raise JobError(str(error)) from error


def _packages(work: Path) -> Path:
    return work / "packages"


def fetch(work: Path) -> None:
    """Each channel's object lands under its own name, as on SageMaker."""
    for name, address in _plan_of(work).channels.items():
        folder = _channel_folder(work, name)
        folder.mkdir(parents=True, exist_ok=True)
        _run("aws", "s3", "cp", "--only-show-errors", address, f"{folder}/")


def train(work: Path) -> None:
    """Become train.py, with the variables that SageMaker's toolkit would set."""
    plan = _plan_of(work)
    output_data = work / "output" / "data"
    for folder in (work / "model", output_data):
        folder.mkdir(parents=True, exist_ok=True)
    variables = {f"SM_CHANNEL_{name.upper()}": str(_channel_folder(work, name)) for name in plan.channels}
    variables |= {
        "SM_MODEL_DIR": str(work / "model"),
        "SM_OUTPUT_DIR": str(work / "output"),
        "SM_OUTPUT_DATA_DIR": str(output_data),
        "PYTHONUNBUFFERED": "1",
    }
    become_training(_packages(work), plan.arguments, variables)


def upload(work: Path) -> None:
    """Both archives to where SageMaker would put them; `model_uri` says where the model is."""
    target = f"{_plan_of(work).output_uri}/{os.environ['DROPSERVE_JOB_NAME']}/output"
    for name in (OUTPUT_ARCHIVE, MODEL_ARCHIVE):
        _run("aws", "s3", "cp", "--only-show-errors", str(work / name), f"{target}/{name}")
    (work / "model_uri").write_text(f"{target}/{MODEL_ARCHIVE}", "utf-8")


def _plan_of(work: Path) -> Plan:
    """Its addresses may lie where the plan and the code lie: in the deployment's own two buckets."""
    variables = ("DROPSERVE_PLAN_URI", "DROPSERVE_CODE_URI")
    matches = [_ADDRESS.fullmatch(os.environ.get(name, "")) for name in variables]
    return read_plan(work / PLAN, {match[1] for match in matches if match})


def _channel_folder(work: Path, name: str) -> Path:
    return work / "input" / "data" / name


def _run(*command: str) -> None:
    """Raises JobError when the command fails; what it said is in the log."""
    sys.stdout.flush()
    result = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise JobError(f"{command[0]} ended with exit status {result.returncode}; the log says more")


STEPS: dict[str, Callable[[Path], None]] = {
    "install": install,
    "fetch": fetch,
    "train": train,
    "upload": upload,
}


def main(step: str, work: Path) -> int:
    """The exit status; the reason of a failure goes where the training's own would."""
    # subprocess.run ends its command when an exception comes out of it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        STEPS[step](work)
    except JobError as error:
        (work / "output").mkdir(parents=True, exist_ok=True)
        (work / "output" / "failure").write_text(str(error), "utf-8")
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
