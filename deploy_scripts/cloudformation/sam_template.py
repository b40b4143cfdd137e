"""Reads template.yaml, points its local files at the artifacts bucket, names what outlives a stack."""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor  # type: ignore[import-untyped]

from deploy_scripts.errors import CliError

# A name in the text of Fn::Sub.
VARIABLE = re.compile(r"\$\{(?!!)([\w.:]+)\}")
# Resource type -> the property that may hold a local path.
_LOCAL_FILES = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::StateMachine": "DefinitionUri"}
# What a stack may retain: resource type -> the property with its name.
_NAMES = {"AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName"}


class _Loader(yaml.CSafeLoader):
    """As SAM reads a template, in a tenth of the time."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read_template(path: Path) -> dict[str, Any]:
    """The template with every tag in its long form (`!Ref X` is `{"Ref": "X"}`)."""
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - it is a safe loader
    return template


def check_known(
    parameters: Iterable[str], template: dict[str, Any], sources: Mapping[str, str] | None = None
) -> None:
    """Raises CliError for parameters that the template lacks; `sources` says where each stands."""
    known = set(template["Parameters"])
    unknown = [with_source(name, sources) for name in sorted(set(parameters) - known)]
    if unknown:
        raise CliError(
            f"The template has no parameter {', '.join(unknown)}.", f"It has: {', '.join(sorted(known))}."
        )


def with_source(name: str, sources: Mapping[str, str] | None) -> str:
    """A parameter's name, and in brackets where it stands, if that is a file."""
    return f"{name} ({sources[name]})" if sources and name in sources else name


def defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that have a default."""
    return {name: str(each["Default"]) for name, each in template["Parameters"].items() if "Default" in each}


def conditions_of(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, bool]:
    """Which of the template's conditions hold with these parameters."""
    return {name: _holds(each, template, parameters) for name, each in template.get("Conditions", {}).items()}


def _holds(condition: Any, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    """CloudFormation's condition functions, of parameters and literals."""
    (name, value), *_ = condition.items()
    match name:
        case "Condition":
            return _holds(template["Conditions"][value], template, parameters)
        case "Fn::Not":
            return not _holds(value[0], template, parameters)
        case "Fn::And":
            return all(_holds(each, template, parameters) for each in value)
        case "Fn::Or":
            return any(_holds(each, template, parameters) for each in value)
        case "Fn::Equals":
            left, right = (parameters[each["Ref"]] if isinstance(each, dict) else str(each) for each in value)
            return left == right
        case _:
            raise ValueError(f"the template has a condition {name}, which is not followed")


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """The template as SAM's transform leaves it."""
    # 0.3 s that a command need not pay.
    from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]  # noqa: PLC0415
    from samtranslator.translator.translator import (  # type: ignore[import-untyped]  # noqa: PLC0415
        Translator,
    )

    if "Transform" not in template:
        return template
    with_code = replace_local_files(deepcopy(template), lambda path: {"Bucket": "b", "Key": Path(path).name})
    expanded: dict[str, Any] = Translator({}, Parser(), boto_session=_SamSession()).translate(with_code, {})
    return expanded


class _SamSession:
    """All that SAM asks of a boto3 session."""

    region_name = "us-east-1"


def replace_local_files(template: dict[str, Any], upload: Callable[[str], dict[str, str]]) -> dict[str, Any]:
    """The template, changed in place: `upload` takes each local path and answers {Bucket, Key}."""
    for resource in template["Resources"].values():
        property_name = _LOCAL_FILES.get(resource["Type"], "")
        value = resource.get("Properties", {}).get(property_name)
        if isinstance(value, str) and not value.startswith("s3://"):
            resource["Properties"][property_name] = upload(value)
    return template


def name_retained(template: dict[str, Any], pseudo_parameters: dict[str, str]) -> dict[str, list[str]]:
    """Resource type -> the names of what this template retains; each name becomes a literal in the template.

    A later stack takes an existing resource up only when its name is a literal.
    `pseudo_parameters`: values by name, such as `AWS::Region`.
    """
    names: dict[str, list[str]] = {resource_type: [] for resource_type in _NAMES}
    for resource in template["Resources"].values():
        property_name = _NAMES.get(resource["Type"])
        if property_name and resource.get("DeletionPolicy") == "Retain":
            name = _substitute(resource["Properties"][property_name], pseudo_parameters)
            resource["Properties"][property_name] = name
            names[resource["Type"]].append(name)
    return names


def _substitute(value: Any, pseudo_parameters: dict[str, str]) -> str:
    text: str = value["Fn::Sub"] if isinstance(value, dict) else value
    for name, replacement in pseudo_parameters.items():
        text = text.replace(f"${{{name}}}", replacement)
    return text
