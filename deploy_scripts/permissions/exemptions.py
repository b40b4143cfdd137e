"""The written reasons for permissions that no scenario can use."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy_scripts.errors import CliError
from deploy_scripts.project import TEMPLATE

EXEMPTIONS = TEMPLATE.with_name("permission_exemptions.yaml")


@dataclass(frozen=True)
class Exemption:
    """Why a role keeps an action, on any resource; or (`action` is `*`) a resource of a statement."""

    role: str
    action: str
    resource: str
    reason: str


def read_exemptions(file: Path = EXEMPTIONS) -> list[Exemption]:
    """Raises CliError, which names the entry that is wrong."""
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
    except (OSError, yaml.YAMLError) as error:
        raise CliError(f"{file} cannot be read: {error}") from error
    return [
        exemption for number, entry in enumerate(entries, 1) for exemption in _exemptions(entry, number, file)
    ]


def _exemptions(entry: Any, number: int, file: Path) -> list[Exemption]:
    keys = {"roles", "actions", "reason"}
    if not isinstance(entry, Mapping) or set(entry) != keys or not all(entry.values()):
        raise CliError(
            f"Entry {number} of {file} is malformed.",
            f"Give each {', '.join(sorted(keys))}, none of them empty.",
        )
    reason = " ".join(entry["reason"].split())
    return [Exemption(role, action, "*", reason) for role in entry["roles"] for action in entry["actions"]]
