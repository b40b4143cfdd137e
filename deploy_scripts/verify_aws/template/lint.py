"""cfn-lint with its informational rules, on both templates."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from deploy_scripts.project import PROGRAMS
from deploy_scripts.verify_aws.accepted import Finding, read_accepted, sift
from deploy_scripts.verify_aws.check import Result, Subject

# Of cfn-lint's exit status, these bits mean that it found something: https://github.com/aws-cloudformation/cfn-lint
_FOUND = {0, 2, 4, 6, 8, 10, 12, 14}


def check(subject: Subject) -> Result:
    """Nothing but what is accepted is found, notes included."""
    files = [str(subject.template), str(subject.images_template)]
    command = [str(PROGRAMS / "cfn-lint"), "--include-checks", "I", "--format", "json", "--template", *files]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode not in _FOUND:
        return Result("no template", (f"cfn-lint ended in an error: {result.stderr}",))
    accepted, problems = sift(_findings(json.loads(result.stdout or "[]")), read_accepted("cfn-lint"))
    return Result(f"{len(files)} templates, {accepted} findings accepted", problems)


def _findings(matches: list[dict[str, Any]]) -> Iterator[Finding]:
    for match in matches:
        path = match["Location"]["Path"] or ["", ""]
        where = path[1] if path[0] == "Resources" and len(path) > 1 else str(path[0])
        yield Finding(match["Rule"]["Id"], str(where), f"cfn-lint: {match['Message']}")
