"""Compiles a folder's Python: a cold start without .pyc files takes two to three times as long."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from deploy_scripts.errors import CliError

# Where Lambda unpacks a zip: the path that tracebacks show.
_LAMBDA_ROOT = "/var/task"


@cache
def find_python(version: str) -> str | None:
    """A Python of this version ("3.12") on this machine: only the same version makes bytecode for it."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    # A version manager's stand-in may be there for a Python that is not.
    works = found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
    return found if works else None


def compile_folder(folder: Path, python: str) -> None:
    """Put a .pyc beside each .py, the same bytes each time. Raises CliError for bad code."""
    # unchecked-hash: unpacking changes the files' times, which a usual .pyc is checked against.
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", _LAMBDA_ROOT, str(folder)]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "0"}
    )
    if result.returncode != 0:
        raise CliError(f"A function does not compile: {result.stdout.strip()}", "Correct it and try again.")
