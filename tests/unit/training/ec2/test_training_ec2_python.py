"""Which Python trains: the machine's, or on Amazon Linux 2023 one that dnf installs, or why none does."""

import ast
import re

import pytest

from tests.unit.training.conftest import BOOT
from tests.unit.training.ec2.ec2_machine import PROJECT, TOKEN, Machine, make_amazon_linux

INSTALL = 'cp "$NEWER" "$(dirname "$0")/python3.13"'
NO_PYTHON = "this machine has no Python 3.11 or newer with pip"


def told_to_dnf(machine: Machine) -> list[str]:
    file = machine.folder / "dnf"
    return file.read_text().splitlines() if file.exists() else []


def failure(machine: Machine) -> str:
    """The cause that the state machine heard of a boot that failed; the machine is down."""
    assert machine.start().returncode == 1
    (answer,) = machine.calls("send-task-failure")
    assert (answer["taskToken"], answer["error"]) == (TOKEN, "TrainingFailed")
    assert machine.calls("send-task-success") == []
    assert machine.shutdowns() == ["-h now"]
    cause: str = answer["cause"]
    return cause


def test_amazon_linux_trains_with_the_python_that_dnf_installs(quick: Machine) -> None:
    machine = make_amazon_linux(quick, INSTALL)
    run = machine.start()
    assert run.returncode == 0, run.stdout + run.stderr
    assert told_to_dnf(machine) == ["install --assumeyes --quiet python3.13 python3.13-pip"]
    assert len(machine.calls("send-task-success")) == 1
    assert machine.uploaded("model.tar.gz") == ["model.pth"]
    assert "arguments: ['--epochs=3']" in machine.log()
    assert machine.shutdowns() == ["-h now"]


def test_a_dnf_that_fails_is_the_reason_of_the_run(quick: Machine) -> None:
    machine = make_amazon_linux(quick, "echo 'Error: Unable to find a match: python3.13'; exit 1")
    cause = failure(machine)
    assert cause.startswith("dnf could not install python3.13; the log says more\n")
    assert "Error: Unable to find a match: python3.13\n" in cause
    assert "Error: Unable to find a match: python3.13" in machine.log()


def test_a_dnf_that_hangs_ends_at_the_deadline(quick: Machine) -> None:
    machine = make_amazon_linux(quick, "sleep 600 & wait")
    assert machine.start(DROPSERVE_DEADLINE_S="3").returncode == 143
    (answer,) = machine.calls("send-task-failure")
    assert answer["cause"].startswith("the training was not finished after 3 seconds\n")
    assert machine.shutdowns() == ["-h now"]


@pytest.mark.parametrize("os_release", ["ID=debian", 'ID="fedora"', 'VARIANT_ID="amzn"'])
def test_nothing_is_installed_on_another_system(quick: Machine, os_release: str) -> None:
    machine = make_amazon_linux(quick, INSTALL, os_release)
    assert failure(machine).startswith(f"{NO_PYTHON}\n")
    assert told_to_dnf(machine) == []


def test_a_machine_that_does_not_say_what_it_is_stays_as_it_is(quick: Machine) -> None:
    machine = make_amazon_linux(quick, INSTALL)
    (machine.folder / "os-release").unlink()
    assert failure(machine).startswith(f"{NO_PYTHON}\n")
    assert told_to_dnf(machine) == []


def test_a_machine_with_such_a_python_asks_nothing_of_dnf(quick: Machine) -> None:
    machine = make_amazon_linux(quick, INSTALL)
    (machine.folder / "newer-python").rename(machine.folder / "bin" / "python3")
    assert machine.start().returncode == 0
    assert told_to_dnf(machine) == []


def test_it_is_the_python_of_the_train_image() -> None:
    (image,) = re.findall(r"(?m)^ARG BASE=\S+:([\d.]+)-", (PROJECT / "training" / "Dockerfile").read_text())
    assert f"\nreadonly PYTHON=python{image}\n" in BOOT.read_text()


def test_what_runs_before_it_is_read_by_python_3_9() -> None:
    snippets = re.findall(r"(?ms)^WRITE_\w+='\n(.+?)^'", BOOT.read_text())
    assert len(snippets) == 3
    for program in (*snippets, (BOOT.parent / "log_shipper.py").read_text()):
        ast.parse(program, feature_version=(3, 9))
