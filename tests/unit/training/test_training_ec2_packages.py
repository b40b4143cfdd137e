"""What an EC2 machine installs: the pins of requirements.lock, as wheels, with their hashes, or nothing."""

import hashlib
import importlib.metadata
import io
import re
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from ec2_machine import QUICK_TRAINING, Machine

from deploy_scripts.build import EC2_PACKAGES, build, training_files, write_ec2_requirements
from deploy_scripts.packaging.dependencies import Runtime

IMPORTS = "import made_here\nprint('made here:', made_here.__version__)\n"
# Of a Deep Learning AMI's Python.
BROUGHT = {"numpy"}


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


def test_every_pin_has_a_hash_and_all_that_it_needs_is_pinned(tmp_path: Path) -> None:
    from packaging.requirements import Requirement

    text = write_ec2_requirements(tmp_path).read_text()
    pins = re.findall(r"(?m)^(\S+?)==\S+(?: ;[^\\]*)? \\\n(?:    --hash=sha256:\w{64}(?: \\)?\n)+", text)
    assert re.findall(r"(?m)^\w\S*?(?===)", text) == pins
    assert set(pins) == set(EC2_PACKAGES)
    for name in EC2_PACKAGES:
        needed = map(Requirement, importlib.metadata.requires(name) or [])
        needed = {each.name for each in needed if not each.marker or each.marker.evaluate({"extra": ""})}
        assert needed <= {*EC2_PACKAGES, *BROUGHT}, name


def test_the_training_archive_has_the_pins_under_a_name_that_the_toolkit_leaves_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))
    monkeypatch.setattr("deploy_scripts.build.function_names", list)
    archive = build(Runtime.of_this_machine(), say=lambda _: None).training_code
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    assert names == {*training_files(), "ec2_requirements.txt"}
    assert "requirements.txt" not in names
