"""What the roles of a deployment did while the scenarios ran: every call once, with its count."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy_scripts.errors import CliError
from functions.common.json_text import parse_json


@dataclass(frozen=True)
class Call:
    """`role` is the role's name in the template; `context` has every condition key, lower case."""

    role: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    count: int = 1


@dataclass(frozen=True)
class Recording:
    """`values`: what the deployment gave to the names in the template, such as `DataBucket.Arn`."""

    values: Mapping[str, str]
    scenarios: tuple[str, ...]
    calls: tuple[Call, ...]

    def save(self, file: Path) -> None:
        document = {**asdict(self), "calls": [asdict(call) for call in self.calls]}
        file.write_text(json.dumps(document, indent=1) + "\n")


def load_recording(file: Path) -> Recording:
    """Raises CliError when the file is no recording."""
    try:
        document: dict[str, Any] = parse_json(file.read_bytes())
        calls = tuple(Call(**call) for call in document["calls"])
        return Recording(document["values"], tuple(document["scenarios"]), calls)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CliError(
            f"{file} is no recording of `verify-permissions`: {error}",
            "Make one: `dropserve verify-permissions --output FOLDER` writes FOLDER/recording.json.",
        ) from error


def record(values: Mapping[str, str], scenarios: Sequence[str], activity_log: Path) -> Recording:
    """The calls of the stack's own roles in the cloud's activity log, in the order of role and action."""
    arns = {values[name]: name.removesuffix(".Arn") for name in values if ":role/" in values[name]}
    counted: Counter[tuple[str, str, str, str]] = Counter()
    with activity_log.open(encoding="utf-8") as lines:
        for line in lines:
            call = json.loads(line)
            if call["principal"] in arns:
                context = json.dumps(call["context"], sort_keys=True)
                counted[arns[call["principal"]], call["action"], call["resource"], context] += 1
    calls = [
        Call(role, action, resource, json.loads(context), count)
        for (role, action, resource, context), count in sorted(counted.items())
    ]
    return Recording(values, tuple(scenarios), tuple(calls))
