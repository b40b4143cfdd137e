"""Checks a request against the API's own model, and answers as AWS answers."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_cloud.botocore_sessions import new_session
from local_cloud.service import AwsError

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}

# The models' patterns are Java's: these are the parts of them that Python writes otherwise.
_JAVA_TO_PYTHON = (
    # Letters, marks, spaces, symbols, numbers and punctuation: all but control characters.
    (r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]", r"[^\x00-\x1f\x7f-\x9f]"),
    (r"[\p{L}\p{M}\p{Z}\p{N}\p{P}]", r"[^\x00-\x1f\x7f-\x9f]"),
    (r"\p{Print}+", r"[\x20-\x7e]+"),
    (r"\p{Alnum}", "a-zA-Z0-9"),
    (r"\p{L}", r"\w"),
    (r"\p{N}", r"\d"),
    (r"\p{Z}", r"\s"),
    # Of SageMaker's metadata: Java repeats the end as often as one likes.
    ("${1,128}", "$"),
    ("${1,256}", "$"),
    (r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010ffff"),
)


def check_request(service: str, action: str, parameters: dict[str, Any]) -> None:
    """Raises AwsError ValidationException (a broken rule) or SerializationException (a wrong type)."""
    shape = _input_shape(service, action)
    broken = list(_broken_rules(shape, parameters, ""))
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected: "
        raise AwsError("ValidationException", count + "; ".join(broken))


@cache
def _input_shape(service: str, action: str) -> StructureShape:
    model = new_session().get_service_model(service)
    shape = model.operation_model(action).input_shape
    if shape is None:
        raise ValueError(f"{service} {action} takes no input")
    return shape


@cache
def _pattern(java_pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_TO_PYTHON:
        java_pattern = java_pattern.replace(java, python)
    return re.compile(java_pattern)


def _broken_rules(shape: Shape, value: Any, path: str) -> Iterator[str]:
    _check_type(shape, value)
    rules = list(_broken_constraints(shape, value))
    shown = f"Value '{value}'" if isinstance(value, str | int | float) else "Value"
    yield from (f"{shown} at '{path}' failed to satisfy constraint: {rule}" for rule in rules)
    if isinstance(shape, StructureShape):
        yield from _broken_member_rules(shape, value, path)
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value, start=1):
            yield from _broken_rules(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _broken_map_rules(shape, value, path)


def _broken_member_rules(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        member_path = f"{path}.{_lower_first(name)}" if path else _lower_first(name)
        if value.get(name) is not None:
            yield from _broken_rules(member, value[name], member_path)
        elif name in shape.required_members:
            yield f"Value null at '{member_path}' failed to satisfy constraint: Member must not be null"


def _broken_map_rules(shape: MapShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for key, item in value.items():
        rules = list(_broken_constraints(shape.key, key))
        if rules:
            yield (
                f"Value '{{{key}={item}}}' at '{path}' failed to satisfy constraint: "
                f"Map keys must satisfy constraint: [{', '.join(rules)}]"
            )
        _check_type(shape.value, item)
        rules = list(_broken_constraints(shape.value, item))
        if rules:
            yield (
                f"Value '{{{key}={item}}}' at '{path}' failed to satisfy constraint: "
                f"Map value must satisfy constraint: [{', '.join(rules)}]"
            )


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    rules = shape.metadata
    measure: int | float
    if isinstance(value, str | list | dict):
        measure, kind = len(value), "length"
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return
    else:
        measure, kind = value, "value"
    if "max" in rules and measure > rules["max"]:
        yield f"Member must have {kind} less than or equal to {rules['max']}"
    if "min" in rules and measure < rules["min"]:
        yield f"Member must have {kind} greater than or equal to {rules['min']}"
    if isinstance(value, str):
        if "pattern" in rules and not _pattern(rules["pattern"]).fullmatch(value):
            yield f"Member must satisfy regular expression pattern: {rules['pattern']}"
        if rules.get("enum") and value not in rules["enum"]:
            yield f"Member must satisfy enum value set: [{', '.join(rules['enum'])}]"


def _check_type(shape: Shape, value: Any) -> None:
    wanted = _PYTHON_TYPES.get(shape.type_name)
    is_stray_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if wanted is not None and (is_stray_bool or not isinstance(value, wanted)):
        raise AwsError(
            "SerializationException",
            f"{type(value).__name__} value cannot be converted to {shape.type_name} ({shape.name})",
        )


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
