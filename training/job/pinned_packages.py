"""Installs pinned packages beside a Python that lacks them: wheels only, with the hashes that are given."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

# Where the training code was unpacked: this file lies in training/job/ of it.
CODE = Path(__file__).resolve().parents[2]
# Of torch and what only torch needs; and of all else that train.py needs. Not requirements.txt: that,
# sagemaker-training would install by itself, in an image that has it all.
TORCH_PINS = CODE / "torch_pins.txt"
TRAINING_PINS = CODE / "training_pins.txt"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


class InstallError(Exception):
    """The packages could not be installed; the message is one sentence."""


def install(requirements: Path, into: Path, *, judged_by: Iterable[str] = ()) -> None:
    """Put the pinned packages into the folder, unless this Python has them in these versions: all, or those
    that are named.

    Raises InstallError; what pip said is in the log.
    """
    pins: dict[str, set[str]] = {}
    for name, version in _PIN.findall(requirements.read_text("utf-8")):
        # One for each of several Pythons, it may be.
        pins.setdefault(name, set()).add(version)
    if all(_installed_version(name) in pins.get(name, ()) for name in judged_by or pins):
        return
    into.mkdir(parents=True, exist_ok=True)
    # torch's wheels are larger than many a machine's /tmp, which is in memory.
    unpacked = into.with_name(f"{into.name}.unpacked")
    unpacked.mkdir(exist_ok=True)
    command = (
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"),
        *("--require-hashes", "--no-deps", "--only-binary", ":all:"),
        *("--target", str(into), "--requirement", str(requirements)),
    )
    sys.stdout.flush()
    result = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(unpacked)}
    )
    if result.returncode != 0:
        raise InstallError(f"pip ended with exit status {result.returncode}; the log says more")


def become_training(packages: Path, arguments: list[str], variables: Mapping[str, str]) -> None:
    """Run training.train in place of this process, with the packages before this Python's own."""
    paths = [str(packages), str(CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
    # -P: what lies in the working folder is not imported.
    command = [sys.executable, "-P", "-m", "training.train", *arguments]
    environment = {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(paths)}
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is wanted


def _installed_version(name: str) -> str | None:
    """Without its local part: `2.14.1+cpu` is 2.14.1, built for another machine."""
    try:
        return importlib.metadata.version(name).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None
