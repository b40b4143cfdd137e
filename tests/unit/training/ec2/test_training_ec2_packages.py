"""What an EC2 machine, or AWS's image, installs: pins of requirements.lock, wheels, by hash, or nothing."""

import hashlib
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_scripts.packaging.build import build, training_files, write_pins
from deploy_scripts.packaging.dependencies import Runtime
from tests.unit.training.ec2.ec2_machine import CODE, PROJECT, QUICK_TRAINING, Machine
from training.job.pinned_packages import install

IMPORTS = "import made_here\nprint('made here:', made_here.__version__)\n"
# Asked for by a package that works without it: its pins are left out.
LEFT_OUT = {"openvino-telemetry", "triton"}


def make_wheel(folder: Path, version: str = "1.2") -> str:
    """A wheel of the package `made-here` in the folder; gives its SHA-256."""
    buffer = io.BytesIO()
    info = f"made_here-{version}.dist-info"
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("made_here.py", f"__version__ = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: made-here\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (folder / f"made_here-{version}-py3-none-any.whl").write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def make_source(folder: Path) -> str:
    """The same package as source that would run code when it is installed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        body = b"import pathlib; pathlib.Path('/tmp/ran').touch()\n"
        member = tarfile.TarInfo("made_here-1.2/setup.py")
        member.size = len(body)
        archive.addfile(member, io.BytesIO(body))
    (folder / "made_here-1.2.tar.gz").write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def boot(machine: Machine, requirements: str, index: Path) -> tuple[int, str, str]:
    """Exit status, output and the cause of a failure, with `index` as the only place to find packages."""
    machine = replace(machine, requirements=requirements)
    machine.put_training(IMPORTS + QUICK_TRAINING)
    run = machine.start(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index), PIP_CONFIG_FILE="/dev/null")
    failures = machine.calls("send-task-failure")
    return run.returncode, run.stdout, failures[0]["cause"] if failures else ""


def test_a_pinned_wheel_is_installed_for_the_training(quick: Machine, tmp_path: Path) -> None:
    digest = make_wheel(tmp_path)
    status, output, cause = boot(quick, f"made-here==1.2 --hash=sha256:{digest}\n", tmp_path)
    assert status == 0, output + cause
    assert "made here: 1.2\n" in output


@pytest.mark.parametrize(
    "requirement",
    ["made-here==1.2 --hash=sha256:" + "0" * 64, "made-here==1.2", "made-here==1.3 --hash=sha256:{digest}"],
)
def test_what_is_not_the_pinned_wheel_is_not_installed(
    quick: Machine, tmp_path: Path, requirement: str
) -> None:
    digest = make_wheel(tmp_path)
    status, output, cause = boot(quick, requirement.format(digest=digest) + "\n", tmp_path)
    assert status == 1
    assert "ended with exit status 1; the log says more" in cause
    assert "made here" not in output


def test_source_is_not_built(quick: Machine, tmp_path: Path) -> None:
    digest = make_source(tmp_path)
    status, _, cause = boot(quick, f"made-here==1.2 --hash=sha256:{digest}\n", tmp_path)
    assert status == 1
    assert "No matching distribution found for made-here==1.2" in cause


def test_what_the_machine_has_is_not_installed_again(quick: Machine, tmp_path: Path) -> None:
    version = importlib.metadata.version("pillow")
    machine = replace(quick, requirements=f"pillow=={version} \\\n    --hash=sha256:{'0' * 64}\n")
    machine.put_training(QUICK_TRAINING)
    run = machine.start(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    assert run.returncode == 0, run.stdout


def test_another_torch_than_the_pinned_one_is_replaced(quick: Machine, tmp_path: Path) -> None:
    digest = make_wheel(tmp_path)
    pins = f"torch==0.1\ntorchvision==0.1\nmade-here==1.2 --hash=sha256:{digest}\n"
    machine = replace(quick, torch_pins=pins)
    machine.put_training(QUICK_TRAINING)
    run = machine.start(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path), PIP_CONFIG_FILE="/dev/null")
    assert run.returncode == 1
    # In a file with a hash, pip wants one for each: it was asked for torch, too.
    assert "torch==0.1" in machine.calls("send-task-failure")[0]["cause"]


@pytest.mark.parametrize("version", ["", "+cpu"])
def test_the_pinned_torch_stays_whatever_it_was_built_for(
    quick: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"2.1{version}")
    pins = tmp_path / "pins.txt"
    pins.write_text("torch==2.1\nnvidia-made-here==1\n")

    install(pins, tmp_path / "packages", judged_by=["torch"])

    assert not (tmp_path / "packages").exists()


def test_awss_image_trains_with_what_it_lacked_and_train_pys_own_arguments(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for name in (*CODE, "training/install_and_train.py"):
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text((PROJECT / name).read_text())
    (code / "training" / "train.py").write_text(f"import sys\n{IMPORTS}print(sys.argv[1:])\n")
    digest = make_wheel(tmp_path)
    (code / "training_pins.txt").write_text(f"made-here==1.2 --hash=sha256:{digest}\n")
    program = "import pathlib, sys; from training import install_and_train; "
    program += f"install_and_train.main(sys.argv[1:], pathlib.Path({str(tmp_path / 'packages')!r}))"
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}

    run = subprocess.run(
        [sys.executable, "-c", program, "--epochs", "3"],
        cwd=code,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout == "made here: 1.2\n['--epochs', '3']\n", run.stderr


def test_every_pin_has_a_hash_and_all_that_it_needs_is_pinned(tmp_path: Path) -> None:
    from packaging.requirements import Requirement

    pinned: set[str] = set()
    for file in write_pins(tmp_path).values():
        text = file.read_text()
        pins = re.findall(r"(?m)^(\S+?)==\S+(?: ;[^\\]*)? \\\n(?:    --hash=sha256:\w{64}(?: \\)?\n)+", text)
        assert re.findall(r"(?m)^\w\S*?(?===)", text) == pins
        assert not pinned & set(pins)
        pinned |= set(pins)
    assert {"torch", "torchvision", "openvino", "nncf", "matplotlib", "boto3"} <= pinned
    assert "sagemaker-training" not in pinned
    for name in pinned:
        try:
            wanted = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system
        needed = map(Requirement, wanted)
        names = {
            each.name.lower().replace("_", "-")
            for each in needed
            if not each.marker or each.marker.evaluate({"extra": ""})
        }
        assert names <= pinned | LEFT_OUT, name


def test_the_training_archive_has_the_pins_under_names_that_the_toolkit_leaves_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))
    monkeypatch.setattr("deploy_scripts.packaging.build.function_names", list)
    archive = build(Runtime.of_this_machine(), say=lambda _: None).training_code
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    assert names == {*training_files(), "torch_pins.txt", "training_pins.txt"}
    assert {
        "training/train.py",
        "training/install_and_train.py",
        "training/export/graph.py",
        "contracts/training_job.py",
        "drops/layout.py",
    } <= names
    assert "requirements.txt" not in names
