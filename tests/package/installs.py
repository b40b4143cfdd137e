"""Virtual environments with the built wheel in them, and nothing of the checkout."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from deploy_scripts.packaging.locked_packages import locked_closure, locked_requirements
from deploy_scripts.project import ROOT

# A whole demo, on a machine that does other things too.
COMMAND_LIMIT_S = 600
# Says of every Python of the environment, servers and workers included, which files below a folder it opened.
# A .pth file, not a variable: most of the programs get an environment of their own.
WATCH = """
import sys

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith({folder!r}):
        with open({log!r}, "a") as log:
            log.write(arguments[0] + "\\n")

sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class Install:
    """An environment with the wheel; its commands start in an empty folder, with an empty HOME."""

    venv: Path
    home: Path
    folder: Path
    opened_log: Path

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def run(self, *arguments: object, program: str = "dropserve") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.venv / "bin" / program), *map(str, arguments)],
            cwd=self.folder,
            env=_outside_environment(self.home),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_LIMIT_S,
        )

    def opened_in_checkout(self) -> list[str]:
        """Files of the checkout that any Python of this environment has opened."""
        return self.opened_log.read_text().splitlines() if self.opened_log.exists() else []

    def files(self) -> dict[str, tuple[int, int]]:
        """Size and time of every file of the environment, but for Python's own caches of bytecode."""
        files = [path for path in self.venv.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def make_install(wheel: Path, into: Path, *, extra: str | None = None) -> Install:
    """Install the wheel, and by the lock's hashes what it and its extra need: no more, and nothing else."""
    install = Install(into / "venv", into / "home", into / "folder", into / "opened.txt")
    install.home.mkdir(parents=True)
    install.folder.mkdir()
    uv("venv", "--quiet", "--python", sys.executable, install.venv)
    pins = into / "pins.txt"
    pins.write_text(locked_requirements(locked_closure(needed_names(extra))))
    to = ("pip", "install", "--quiet", "--no-deps", "--python", install.python)
    uv(*to, "--require-hashes", "--requirement", pins)
    uv(*to, wheel)
    (site_packages,) = install.venv.glob("lib/python*/site-packages")
    watch = WATCH.format(folder=f"{ROOT}/", log=str(install.opened_log))
    (site_packages / "watch_files.py").write_text(watch)
    (site_packages / "watch_files.pth").write_text("import watch_files\n")
    return install


def needed_names(extra: str | None) -> list[str]:
    """The packages that the wheel asks for by name, as the lock spells them."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    return [re.split(r"[^A-Za-z0-9._-]", need)[0].lower() for need in needs]


def uv(*arguments: object) -> None:
    command = [find_uv_bin(), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def _outside_environment(home: Path) -> dict[str, str]:
    """This environment without what leads to the checkout or to a person's own files."""
    unwanted = ("AWS_", "DROPSERVE_", "PYTEST_", "PYTHON", "VIRTUAL_ENV", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    programs = [folder for folder in kept["PATH"].split(os.pathsep) if not Path(folder).is_relative_to(ROOT)]
    return {
        **kept,
        "PATH": os.pathsep.join(programs),
        "HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "COLUMNS": "200",
    }
