"""`python -m state_machines.validate` checks the rendered workflow as strictly as can be done without AWS.

asl-validator checks the language, jsonata-python the expressions; no variable is read unassigned; botocore's
models say whether each Task's Arguments fit the API that it calls.
"""

import json
import sys
from typing import Any

from state_machines.asl_validator import InstallError, language_problems
from state_machines.language.arguments import argument_problems
from state_machines.language.expressions import syntax_problems
from state_machines.language.variables import variable_problems
from state_machines.render import ASL_FILE, rendered


def stale_problems() -> list[str]:
    """A problem if the committed file is not what the code renders."""
    if ASL_FILE.read_text() == rendered():
        return []
    return [f"{ASL_FILE.name} is stale; run: python -m state_machines.render"]


def main() -> int:
    """Print every problem; 0 when there is none."""
    definition: dict[str, Any] = json.loads(ASL_FILE.read_text())
    try:
        problems = [
            *stale_problems(),
            *syntax_problems(definition),
            *variable_problems(definition),
            *argument_problems(definition),
            *language_problems(ASL_FILE),
        ]
    except InstallError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{ASL_FILE.name}: {len(definition['States'])} states, no problem found")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
