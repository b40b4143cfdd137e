"""Between the member names of Step Functions and those of botocore's shapes.

Parameters of Step Functions are in Pascal case even where the API's own are not (`StateMachineArn`
for `stateMachineArn`), and an aws-sdk integration writes a leading acronym as the AWS SDK for Java v2
does (`DbInstanceIdentifier` for `DBInstanceIdentifier`).
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from local_cloud.service_integrations.errors import TaskError

NameRule = Callable[[str], str]
TimeRule = Callable[[datetime], Any]


def optimized_name(member: str) -> str:
    """The API's own name with a capital first letter."""
    return member[:1].upper() + member[1:]


def sdk_name(member: str) -> str:
    """The Java SDK's name: of a leading acronym only the first letter is a capital."""
    if member == "NULL":  # a reserved word in Java
        return "Nul"
    end = 1
    while end < len(member) and member[end].isupper() and not member[end + 1 : end + 2].islower():
        end += 1
    return member[:1].upper() + member[1:end].lower() + member[end:]


def iso_time(moment: datetime) -> str:
    """A timestamp of an aws-sdk integration: ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def epoch_milliseconds(moment: datetime) -> int:
    """A timestamp of an optimized integration: milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def to_request(value: Any, shape: Shape, *, json_text: bool) -> Any:
    """A task's Parameters as botocore wants them.

    `json_text`: an object or list in place of a string is sent as its JSON text, as optimized
    integrations do. Raises TaskError `States.Runtime` for a member that the API does not have.
    """
    if isinstance(shape, StructureShape) and isinstance(value, Mapping) and not shape.is_document_type:
        return _to_structure(value, shape, json_text)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_request(item, shape.member, json_text=json_text) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: to_request(item, shape.value, json_text=json_text) for key, item in value.items()}
    if shape.type_name in ("string", "blob") and json_text and isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"))
    if shape.type_name in ("float", "double") and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _to_structure(value: Mapping[str, Any], shape: StructureShape, json_text: bool) -> dict[str, Any]:
    members = {optimized_name(name): name for name in shape.members}
    members |= {sdk_name(name): name for name in shape.members}
    request = {}
    for name, item in value.items():
        if name not in members:
            raise TaskError(
                "States.Runtime",
                f"The field {name!r} is not supported by Step Functions: {shape.name} has no such member",
            )
        request[members[name]] = to_request(item, shape.members[members[name]], json_text=json_text)
    return request


def to_result(value: Any, shape: Shape | None, name_rule: NameRule, time_rule: TimeRule) -> Any:
    """A botocore response as JSON values under the names of Step Functions."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping) and not shape.is_document_type:
        return {
            name_rule(name): to_result(value[name], member, name_rule, time_rule)
            for name, member in shape.members.items()
            if name in value
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_result(item, shape.member, name_rule, time_rule) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: to_result(item, shape.value, name_rule, time_rule) for key, item in value.items()}
    if isinstance(value, datetime):
        return time_rule(value)
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", errors="replace")
    return value
