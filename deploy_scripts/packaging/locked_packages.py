"""The pins of requirements.lock, hashes included, for the few packages that a function ships."""

import re
from collections.abc import Iterable
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.project import ROOT

LOCK_FILE = ROOT / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+")


def locked_requirements(names: Iterable[str], lock_file: Path = LOCK_FILE) -> str:
    """A requirements file's text with the lock's own lines for these packages, sorted by name.

    Raises CliError when the lock does not pin one of them.
    """
    pins = _read_pins(lock_file)
    wanted = sorted(set(names))
    missing = [name for name in wanted if name not in pins]
    if missing:
        raise CliError(f"{lock_file.name} does not pin {', '.join(missing)}.", "Add it and run `make lock`.")
    return "\n".join(pins[name] for name in wanted) + "\n"


def _read_pins(lock_file: Path) -> dict[str, str]:
    """Package name -> its pin and hashes, as they stand in the lock."""
    pins: dict[str, list[str]] = {}
    name = ""
    for line in lock_file.read_text().splitlines():
        if start := _PIN.match(line):
            name = start.group(1)
            # A package may have one pin for each of several Pythons.
            pins.setdefault(name, []).append(line)
        elif name and line.lstrip().startswith("--hash"):
            pins[name].append(line)
    return {package: "\n".join(lines) for package, lines in pins.items()}
