"""Programs of others in folders of their own below .dropserve: their libraries clash with this project's.

What `make lock` pinned in pins/ is installed at first use, each package by its hash.
"""

import hashlib
import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from uv import find_uv_bin

from deploy_scripts.file_lock import one_at_a_time
from deploy_scripts.project import work_folder
from state_machines.asl_validator import InstallError, install

PINS = Path(__file__).parent / "pins"
_LOCK = PINS / "python.lock"


def python_program(name: str) -> str:
    """A program, or `python`, of the environment that pins/python.lock describes. Raises InstallError."""
    with _alone():
        return _python_program(name)


def node_packages() -> Path:
    """The folder in which `node_modules` holds what pins/npm describes. Raises InstallError."""
    with _alone():
        return install(_home() / "npm", PINS / "npm")


def _python_program(name: str) -> str:
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]
    home = _home() / f"python-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if not (home / "ready").is_file():
        python = home / "bin" / "python"
        exactly = ["--no-deps", "--require-hashes", "--requirement", str(_LOCK)]
        _uv("venv", "--quiet", "--clear", "--no-python-downloads", "--python", sys.executable, str(home))
        _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *exactly)
        (home / "ready").touch()
    return str(home / "bin" / name)


def _home() -> Path:
    return work_folder() / "verify-aws"


def _alone() -> AbstractContextManager[None]:
    """Two processes may come to their first use at once."""
    return one_at_a_time(_home() / "install.lock", say=lambda _: None)


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
