"""Check every Task's Arguments against botocore's input shape of the API that the Task calls.

Step Functions writes every name in PascalCase, also where the API has it otherwise:
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
Of a computed value its type is checked where its expression tells it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from state_machines.language.expressions import Computed, constructed

_INTEGRATION = "arn:aws:states:::"
# Step Functions' name of a service -> botocore's, where they differ.
_BOTOCORE_NAMES = {
    "applicationautoscaling": "application-autoscaling",
    "cloudwatchlogs": "logs",
    "sfn": "stepfunctions",
}
# What the optimised integrations take in any form: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
_FREE_FORM = {("lambda", "Payload"), ("sns", "Message")}
_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "blob": str,
    "structure": dict,
    "map": dict,
    "list": list,
}


def argument_problems(definition: dict[str, Any]) -> list[str]:
    """One sentence for each argument of each Task that the API would refuse; empty when all fit."""
    problems = []
    for state_name, state in definition["States"].items():
        # A function that is called by its ARN takes the state's input as it is.
        if state["Type"] == "Task" and state["Resource"].startswith(_INTEGRATION):
            service, operation = called_operation(state["Resource"])
            shape = operation.input_shape
            given = constructed(state["Arguments"])
            found = _structure_problems(service, shape, given, "") if shape else []
            problems += [f"{state_name}: {problem}" for problem in found]
    return problems


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of a service, by the name that Step Functions gives it: `sfn`."""
    return botocore.session.get_session().get_service_model(_BOTOCORE_NAMES.get(service, service))


def called_operation(resource: str) -> tuple[str, OperationModel]:
    """Of `arn:aws:states:::[aws-sdk:]<service>:<action>[.<pattern>]`: service and operation's model."""
    service, action = resource.removeprefix(_INTEGRATION).removeprefix("aws-sdk:").split(":")
    action = action.split(".")[0]
    return service, service_model(service).operation_model(action[0].upper() + action[1:])


def _shown(written: Any) -> str:
    return "its expression" if isinstance(written, Computed) else str(written)


def _structure_problems(service: str, shape: Any, given: dict[str, Any], where: str) -> Iterator[str]:
    members = {name[0].upper() + name[1:]: member for name, member in shape.members.items()}
    required = {name[0].upper() + name[1:] for name in shape.required_members}
    for missing in sorted(required - given.keys()):
        yield f"{where}{missing} is missing"
    for name, value in given.items():
        if name not in members:
            yield f"{where}{name} is not an argument of {shape.name}; it has {', '.join(sorted(members))}"
        elif (service, name) not in _FREE_FORM:
            yield from _value_problems(service, members[name], value, f"{where}{name}")


def _value_problems(service: str, shape: Shape, written: Any, where: str) -> Iterator[str]:
    value = constructed(written)
    if isinstance(value, Computed):
        returned = value.type
        if returned and not issubclass(returned, _PYTHON_TYPES[shape.type_name]):
            yield f"{where} takes a {shape.type_name}; {_shown(written)} gives a {returned.__name__}"
    elif not isinstance(value, _PYTHON_TYPES[shape.type_name]):
        yield f"{where} takes a {shape.type_name}; it is {value!r}"
    elif shape.type_name == "structure":
        yield from _structure_problems(service, shape, cast(dict[str, Any], value), f"{where}.")
    elif shape.type_name == "map":
        for name, inner in cast(dict[str, Any], value).items():
            yield from _value_problems(service, shape.value, inner, f"{where}.{name}")  # type: ignore[attr-defined]
    elif shape.type_name == "list":
        for index, inner in enumerate(cast(list[Any], value)):
            yield from _value_problems(service, shape.member, inner, f"{where}[{index}]")  # type: ignore[attr-defined]
    elif "enum" in shape.metadata and value not in shape.metadata["enum"]:
        yield f"{where} is {value!r}; it may be {', '.join(shape.metadata['enum'])}"
