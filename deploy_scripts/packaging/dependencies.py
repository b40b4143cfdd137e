"""Installs a function's packages for the Python and the processor that will run it."""

import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from contracts.training_job import Architecture
from deploy_scripts.errors import CliError
from deploy_scripts.packaging.bytecode import compile_folder, find_python
from deploy_scripts.packaging.locked_packages import locked_requirements


@dataclass(frozen=True)
class Runtime:
    """The Python that runs a function; `uv_platform` None means this machine's own."""

    python: str
    uv_platform: str | None

    @property
    def name(self) -> str:
        """The name that Lambda gives it."""
        return f"python{self.python}"

    @classmethod
    def of_this_machine(cls) -> "Runtime":
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", None)

    @classmethod
    def of_lambda(cls, architecture: Architecture) -> "Runtime":
        # python3.12 runs on Amazon Linux 2023, whose glibc is 2.34.
        machine = "aarch64" if architecture == "arm64" else "x86_64"
        return cls("3.12", f"{machine}-manylinux_2_28")


def install_packages(names: Iterable[str], runtime: Runtime, *, into: Path) -> Path:
    """The folder below `into` that holds these packages; installed once for the same pins and runtime, with
    bytecode where this machine has the Python that will run it.

    Raises CliError when a package cannot be had.
    """
    requirements = locked_requirements(names)
    where = runtime.uv_platform or f"{platform.system()}-{platform.machine()}"
    key = hashlib.sha256(f"{runtime.python} {where}\n{requirements}".encode()).hexdigest()[:16]
    folder = into / key
    if folder.is_dir():
        return folder
    unfinished = into / f"{key}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    requirements_file = into / f"{key}.txt"
    requirements_file.write_text(requirements)
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--require-hashes", "--python", sys.executable, "--python-version", runtime.python]
    command += ["--target", str(unfinished), "--requirement", str(requirements_file)]
    if runtime.uv_platform:
        command += ["--python-platform", runtime.uv_platform]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise CliError(
            f"The functions' packages could not be installed: {result.stderr.strip()}",
            "Check that the package index can be reached, then try again.",
        )
    if python := find_python(runtime.python):
        compile_folder(unfinished, python)
    unfinished.rename(folder)
    return folder
