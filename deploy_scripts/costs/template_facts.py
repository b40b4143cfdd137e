"""What the templates and the state machine say about a deployment: parameters, resources, memory, states."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from deploy_scripts.cloudformation.sam_template import (
    check_known,
    conditions_of,
    defaults,
    read_template,
)
from deploy_scripts.errors import CliError
from deploy_scripts.project import IMAGES_TEMPLATE, STATE_MACHINE, TEMPLATE

INFERENCE = "InferenceFunction"
_NAMESPACE = "${AWS::StackName}"
# In JSON within JSON, a quote has backslashes before it.
_SEARCHED = re.compile(r'MetricName=\\*"(\w+)')


@dataclass(frozen=True)
class TemplateFacts:
    """`resources`: those that these parameters deploy. Memory in MB, by the function's logical name."""

    parameters: dict[str, str]
    resources: dict[str, dict[str, Any]]
    memory_mb: dict[str, int]
    state_count: int
    database_writes: int
    dashboard_metrics: frozenset[str]
    build_compute: str

    def of_type(self, resource_type: str) -> list[dict[str, Any]]:
        """The properties of each resource of a type."""
        return [
            each.get("Properties", {}) for each in self.resources.values() if each["Type"] == resource_type
        ]

    def number(self, parameter: str) -> float:
        return float(self.parameters[parameter])


def read_facts(given: Mapping[str, str]) -> TemplateFacts:
    """`given` are template parameters, the rest have their defaults.

    Raises CliError for a parameter that the template lacks, or that should be a number and is none.
    """
    template = _template()
    check_known(given, template)
    _check_numbers(given, template["Parameters"])
    parameters = {**dict.fromkeys(template["Parameters"], ""), **defaults(template), **given}
    conditions = conditions_of(template, parameters)
    deployed = {
        name: resource
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or conditions[resource["Condition"]]
    }
    usual_mb = template["Globals"]["Function"]["MemorySize"]
    memory_mb = {
        name: int(resource["Properties"].get("MemorySize", usual_mb))
        for name, resource in deployed.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    states = json.loads(STATE_MACHINE.read_text(encoding="utf-8"))["States"]
    return TemplateFacts(
        parameters,
        deployed,
        memory_mb,
        len(states),
        sum(":dynamodb:" in str(state.get("Resource")) for state in states.values()),
        _dashboard_metrics(deployed),
        _build_compute(),
    )


@cache
def _template() -> dict[str, Any]:
    return read_template(TEMPLATE)


def _check_numbers(given: Mapping[str, str], known: dict[str, dict[str, Any]]) -> None:
    for name, value in given.items():
        if known[name]["Type"] == "Number" and not value.replace(".", "", 1).isdecimal():
            raise CliError(f"The parameter {name} must be a number, not {value!r}.", f"Write {name}=3.")


def known_parameters(deployed: Mapping[str, str]) -> dict[str, str]:
    """Those of a deployment, whose template may be another one, that this template has, too."""
    known = _template()["Parameters"]
    return {name: value for name, value in deployed.items() if name in known}


def check_values(given: Mapping[str, str]) -> None:
    """Raises CliError for a parameter that the template lacks, or a value that it does not allow."""
    known = _template()["Parameters"]
    check_known(given, _template())
    _check_numbers(given, known)
    for name, value in given.items():
        if fault := _fault(value, known[name]):
            raise CliError(f"The parameter {name} is {value!r}, and {fault}.", f"Give another {name}.")


def _fault(value: str, rule: Mapping[str, Any]) -> str | None:
    allowed = [str(each) for each in rule.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"must be one of {', '.join(allowed)}"
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
        return str(rule.get("ConstraintDescription", f"must match {rule['AllowedPattern']}"))
    if "MinValue" in rule and float(value) < rule["MinValue"]:
        return f"must be at least {rule['MinValue']}"
    if "MaxValue" in rule and float(value) > rule["MaxValue"]:
        return f"must be at most {rule['MaxValue']}"
    return None


def _dashboard_metrics(resources: dict[str, dict[str, Any]]) -> frozenset[str]:
    """The inference function's own metrics that a dashboard shows: CloudWatch charges for each."""
    names: set[str] = set()
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            body = json.loads(resource["Properties"]["DashboardBody"]["Fn::Sub"])
            shown = [row for widget in body["widgets"] for row in widget["properties"]["metrics"]]
            names |= {row[1] for row in shown if row[0] == _NAMESPACE and row[-1] == "inference"}
            names |= set(_SEARCHED.findall(json.dumps(shown)))
    return frozenset(names)


@cache
def _build_compute() -> str:
    """`general1.small`, of the project that builds images."""
    for resource in read_template(IMAGES_TEMPLATE)["Resources"].values():
        if resource["Type"] == "AWS::CodeBuild::Project":
            compute: str = resource["Properties"]["Environment"]["ComputeType"]
            return compute.removeprefix("BUILD_").lower().replace("_", ".")
    raise ValueError("the template of images has no build project")
