"""EventBridge's rules: what they match, how complex they are, and whether an event has what targets take.

Matching is LocalStack's, whose tests were held against AWS. AWS's own event-ruler is written in Java, and on
no registry of Python or Node.js.
"""

import json
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from deploy_scripts.permissions.template_values import fill_in
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.own_packages import python_program
from deploy_scripts.verify_aws.template.event_examples import EXPECTED
from deploy_scripts.verify_aws.template.example_values import example_values
from deploy_scripts.verify_aws.template.wildcard_complexity import LIMIT, complexity

_MATCHER = Path(__file__).with_name("match_events.py")


def check(subject: Subject) -> Result:
    """Every rule matches the events that it is for, and no others."""
    values = example_values(subject.main)
    resources = subject.main["Resources"].items()
    rules = {name: each["Properties"] for name, each in resources if each["Type"] == "AWS::Events::Rule"}
    patterns = {name: rule["EventPattern"] for name, rule in rules.items() if "EventPattern" in rule}
    known = {name: fill_in(written, values) for name, written in patterns.items() if name in EXPECTED}
    unknown = [name for name in patterns if name not in EXPECTED]
    problems = [f"{name}: write in event_examples.py which events it is for" for name in unknown]
    events, most = 0, 0
    problems += _mismatches(known)
    for name, pattern in known.items():
        found = max(complexity(conditions) for conditions in _fields(pattern))
        if found > LIMIT:
            problems.append(
                f"{name}: its wildcards have a complexity of {found}; AWS refuses more than {LIMIT}"
            )
        most, events = max(most, found), events + sum(map(len, EXPECTED[name]))
        problems += [f"{name}: {each}" for each in _missing_paths(rules[name], EXPECTED[name][0][0])]
    return Result(f"{len(patterns)} patterns, {events} events, complexity {most} of {LIMIT}", tuple(problems))


def _mismatches(patterns: dict[str, Any]) -> Iterator[str]:
    """In one process, which takes seconds to import the engine."""
    asked = [
        {"pattern": pattern, "events": list(chain(*EXPECTED[name]))} for name, pattern in patterns.items()
    ]
    answer = subprocess.run(
        [python_program("python"), str(_MATCHER)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        yield f"LocalStack's engine ended in an error: {answer.stderr}"
        return
    for name, matched in zip(patterns, json.loads(answer.stdout), strict=True):
        if isinstance(matched, dict):
            yield f"{name}: EventBridge would refuse the pattern: {matched['refused']}"
            continue
        wanted, others = EXPECTED[name]
        expected = [True] * len(wanted) + [False] * len(others)
        for event, is_matched, should in zip([*wanted, *others], matched, expected, strict=True):
            if is_matched is not should:
                yield f"{name}: {'is not for' if should else 'is for'} {json.dumps(event['detail'])}"


def _fields(pattern: Any) -> Iterator[list[Any]]:
    for value in pattern.values():
        if isinstance(value, dict):
            yield from _fields(value)
        else:
            yield value


def _missing_paths(rule: Any, event: Any) -> Iterator[str]:
    """The paths of an InputTransformer that the event does not have."""
    for target in rule["Targets"]:
        for path in target.get("InputTransformer", {}).get("InputPathsMap", {}).values():
            found: Any = event
            for part in path.removeprefix("$.").split("."):
                found = found.get(part) if isinstance(found, dict) else None
            if found is None:
                yield f"an event has no {path}"
