"""`python -m state_machines.validate` checks the rendered workflow as strictly as can be done without AWS.

asl-validator checks the language, jsonata-python the expressions; no variable is read unassigned; botocore's
models say whether each Task's Arguments fit the API that it calls.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from state_machines.asl_validator import InstallError, language_problems
from state_machines.language.arguments import argument_problems
from state_machines.language.expressions import syntax_problems
from state_machines.language.variables import variable_problems
from state_machines.language.workflows import workflows_of
from state_machines.render import (
    ASL_FILE,
    SCORING_ASL_FILE,
    STEPS_FILE,
    rendered,
    rendered_steps,
    scoring_rendered,
)

MACHINES = (ASL_FILE, SCORING_ASL_FILE)
_RENDERED: dict[Path, Callable[[], str]] = {
    ASL_FILE: rendered,
    SCORING_ASL_FILE: scoring_rendered,
    STEPS_FILE: rendered_steps,
}


def stale_problems(file: Path) -> list[str]:
    """A problem if the committed file is not what the code renders."""
    if file.read_text() == _RENDERED[file]():
        return []
    return [f"{file.name} is stale; run: python -m state_machines.render"]


def machine_problems(file: Path) -> list[str]:
    """Every problem of one definition, that of a Map's batches too. Raises InstallError."""
    problems = [*stale_problems(file), *language_problems(file)]
    for workflow in workflows_of(json.loads(file.read_text())):
        problems += [
            *syntax_problems(workflow),
            *variable_problems(workflow),
            *argument_problems(workflow),
        ]
    return problems


def main() -> int:
    """Print every problem; 0 when there is none."""
    stale = stale_problems(STEPS_FILE)
    for problem in stale:
        print(problem, file=sys.stderr)
    found = len(stale)
    for file in MACHINES:
        try:
            problems = machine_problems(file)
        except InstallError as error:
            problems = [str(error)]
        for problem in problems:
            print(problem, file=sys.stderr)
        if not problems:
            count = sum(len(each["States"]) for each in workflows_of(json.loads(file.read_text())))
            print(f"{file.name}: {count} states, no problem found")
        found += len(problems)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
