"""The written reasons for permissions that a rehearsal cannot use."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy_scripts.errors import CliError
from deploy_scripts.project import TEMPLATE

EXCUSES = TEMPLATE.with_name("unrehearsed_permissions.yaml")


@dataclass(frozen=True)
class Excuse:
    """Why a role keeps an action, on any resource; or (`action` is `*`) a resource of a statement."""

    role: str
    action: str
    resource: str
    reason: str


def read_excuses(file: Path = EXCUSES) -> list[Excuse]:
    """Raises CliError, which names the entry that is wrong."""
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
    except (OSError, yaml.YAMLError) as error:
        raise CliError(f"{file} cannot be read: {error}") from error
    return [excuse for number, entry in enumerate(entries, 1) for excuse in _excuses(entry, number, file)]


def _excuses(entry: Any, number: int, file: Path) -> list[Excuse]:
    keys = {"roles", "actions", "reason"}
    if not isinstance(entry, Mapping) or set(entry) != keys or not all(entry.values()):
        raise CliError(
            f"Entry {number} of {file} is malformed.",
            f"Give each {', '.join(sorted(keys))}, none of them empty.",
        )
    reason = " ".join(entry["reason"].split())
    return [Excuse(role, action, "*", reason) for role in entry["roles"] for action in entry["actions"]]
