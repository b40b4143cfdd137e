"""The pins of requirements.lock, hashes included, for the packages that a function or an image ships."""

import re
from collections.abc import Iterable
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.project import ROOT

LOCK_FILE = ROOT / "requirements.lock"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==\S+")
# A line of the comment below a pin: what asked for it.
_ASKER = re.compile(r"^    #\s+(?:via\s+)?([a-z0-9][a-z0-9._-]*)$")


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


def locked_closure(
    names: Iterable[str], *, without: Iterable[str] = (), lock_file: Path = LOCK_FILE
) -> set[str]:
    """These packages and all that they need, by what the lock says of each pin: on every machine the same.

    An extra that anything in the lock asks for counts; `without` names what is to be left out.
    """
    needs = _read_needs(lock_file)
    left_out = set(without)
    found: set[str] = set()
    unread = list(names)
    while unread:
        name = unread.pop()
        if name not in found and name not in left_out:
            found.add(name)
            unread.extend(needs.get(name, ()))
    return found


def _read_needs(lock_file: Path) -> dict[str, set[str]]:
    """Package name -> the packages that it asked for."""
    needs: dict[str, set[str]] = {}
    name = ""
    for line in lock_file.read_text().splitlines():
        if start := _PIN.match(line):
            name = start.group(1)
        elif name and (asker := _ASKER.match(line)) and asker.group(1) != "via":
            needs.setdefault(asker.group(1), set()).add(name)
    return needs


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
