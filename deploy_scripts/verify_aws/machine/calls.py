"""Every call against botocore's model of its API: as the definition writes it, and as each story makes it.

Values are held to lengths, ranges, patterns and enumerations, too. What the stories answer is held to the
names of the API's own answers, so that no story rests on a field that AWS does not send.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.machine.answers import STRAIGHT
from deploy_scripts.verify_aws.machine.error_names import impossible_errors
from deploy_scripts.verify_aws.machine.interpreter import prepared, scenarios_played
from deploy_scripts.verify_aws.machine.run import api_of, arguments
from deploy_scripts.verify_aws.machine.scoring import played
from state_machines.language.arguments import argument_problems, called_operation
from state_machines.language.workflows import workflows_of

# What Step Functions turns into text: https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
_FREE_FORM = {"Payload", "Message"}
_VALIDATOR = ParamValidator()


def check(subject: Subject) -> Result:
    """Nothing is sent that the API would refuse before it looks at what there is."""
    tasks, scoring = _tasks(subject.definition), _tasks(subject.scoring)
    problems = [*argument_problems(subject.definition)]
    for workflow in workflows_of(subject.scoring):
        problems += argument_problems(workflow)
    for name, task in (*tasks.items(), *scoring.items()):
        problems += [f"{name}: AWS never sends {error}" for error in sorted(impossible_errors(task))]
    sent: dict[str, None] = {}
    for made in (*scenarios_played(prepared(subject)), *(run for _, run in played(subject))):
        for call in made.calls:
            for problem in _refused(call.resource, arguments(call)):
                sent[f"{call.state}: {problem}"] = None
    problems += sent
    problems += [
        f"answers.py, {state}: {each}" for state, task in tasks.items() for each in _unknown(state, task)
    ]
    both = [*tasks.values(), *scoring.values()]
    apis = {api_of(task["Resource"]) for task in both}
    return Result(f"{len(both)} Tasks, {len(apis)} APIs and functions", tuple(problems))


def _tasks(definition: dict[str, Any]) -> dict[str, Any]:
    """Those of a Map's batches, too."""
    return {
        name: state
        for workflow in workflows_of(definition)
        for name, state in workflow["States"].items()
        if state["Type"] == "Task"
    }


def _operation(resource: str) -> OperationModel | None:
    """None for a function that is called by its ARN."""
    return called_operation(resource)[1] if resource.startswith("arn:aws:states:::") else None


def _refused(resource: str, given: Mapping[str, Any]) -> Iterator[str]:
    operation = _operation(resource)
    if operation is None or operation.input_shape is None:
        return
    members = {name: value for name, value in given.items() if name not in _FREE_FORM}
    missing = {name: "" for name in given if name in _FREE_FORM}
    named = _renamed({**members, **missing}, operation.input_shape)
    report = _VALIDATOR.validate(named, operation.input_shape)
    if report.has_errors():
        yield " ".join(report.generate_report().split())
    yield from _out_of_bounds(named, operation.input_shape, "")


def _renamed(value: Any, shape: Any) -> Any:
    """With the names that the API has, where Step Functions writes them in PascalCase."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        names = {name[0].upper() + name[1:]: name for name in shape.members}
        return {
            names.get(each, each): _renamed(inner, shape.members[names[each]]) if each in names else inner
            for each, inner in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_renamed(inner, shape.member) for inner in value]
    return value


def _out_of_bounds(value: Any, shape: Any, where: str) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name, inner in value.items():
            if name in shape.members:
                yield from _out_of_bounds(inner, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for inner in value:
            yield from _out_of_bounds(inner, shape.member, f"{where}[]")
    elif shape.type_name == "map" and isinstance(value, Mapping):
        for inner in value.values():
            yield from _out_of_bounds(inner, shape.value, f"{where}.*")
    elif isinstance(value, str) and shape.type_name == "string":
        yield from _bad_text(value, shape, where.lstrip("."))


def _bad_text(value: str, shape: Shape, where: str) -> Iterator[str]:
    bounds = shape.metadata
    if len(value) > bounds.get("max", len(value)):
        yield f"{where} has {len(value)} characters of at most {bounds['max']}: {value[:80]}"
    if "enum" in bounds and value not in bounds["enum"]:
        yield f"{where} is {value!r}, which is none of its values"
    if "pattern" in bounds and not _matches(bounds["pattern"], value):
        yield f"{where} is {value[:80]!r}, which is not {bounds['pattern']}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return bool(re.search(rf"^(?:{pattern})$", value, re.DOTALL))
    except re.error:
        # Java's syntax, which Python does not read.
        return True


def _unknown(state: str, task: Mapping[str, Any]) -> Iterator[str]:
    """The names in a state's answer that its API does not send."""
    if task["Resource"].endswith(".waitForTaskToken"):
        return  # who has the token answers, and that is training/ec2
    # A job that was waited for is described: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    resource = task["Resource"].replace("createTrainingJob.sync", "describeTrainingJob")
    operation, answer = _operation(resource), STRAIGHT.get(state)
    if operation and operation.output_shape and isinstance(answer, Mapping):
        yield from _unknown_names(answer, operation.output_shape)


def _unknown_names(answer: Any, shape: Any) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(answer, Mapping):
        members = {name[0].upper() + name[1:]: member for name, member in shape.members.items()}
        for name, inner in answer.items():
            if name not in members:
                yield f"{shape.name} has no {name}"
            else:
                yield from _unknown_names(inner, members[name])
    elif shape.type_name == "list" and isinstance(answer, list):
        for inner in answer:
            yield from _unknown_names(inner, shape.member)
