"""Programs of others in folders of their own below .dropserve: their libraries clash with this project's.

What `make lock` pinned in pins/ is installed at first use, each package by its hash.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from deploy_scripts.project import work_folder
from state_machines.asl_validator import InstallError, install

PINS = Path(__file__).parent / "pins"
_LOCK = PINS / "python.lock"


def python_program(name: str) -> str:
    """A program, or `python`, of the environment that pins/python.lock describes. Raises InstallError."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]
    home = work_folder() / "verify-aws" / f"python-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if not (home / "ready").is_file():
        python = home / "bin" / "python"
        exactly = ["--no-deps", "--require-hashes", "--requirement", str(_LOCK)]
        _uv("venv", "--quiet", "--clear", "--no-python-downloads", "--python", sys.executable, str(home))
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *exactly)
        (home / "ready").touch()
    return str(home / "bin" / name)


def node_packages() -> Path:
    """The folder in which `node_modules` holds what pins/npm describes. Raises InstallError."""
    return install(work_folder() / "verify-aws" / "npm", PINS / "npm")


def _uv(*arguments: str) -> None:
    result = subprocess.run(
        [find_uv_bin(), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "VIRTUAL_ENV": ""},
    )
    if result.returncode != 0:
        raise InstallError(f"the programs of verify-aws could not be installed by uv:\n{result.stderr}")
