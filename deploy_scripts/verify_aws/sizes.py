"""What is sent to AWS against AWS's limits, with the distance."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deploy_scripts.cloudformation.sam_template import expand, read_template
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.functions import build_function, function_names
from deploy_scripts.permissions.template_values import fill_in
from deploy_scripts.project import work_folder
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.machine.history import events, longest_run
from deploy_scripts.verify_aws.template.example_values import (
    PIPELINE,
    REGION,
    SCORING,
    STACK,
    example_values,
    substituted,
)
from state_machines.language.workflows import workflows_of

_MIB = 1024 * 1024
_CLOUDFORMATION = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
_STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_EVENTBRIDGE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"
# docs/limits.md has them all in one table.
TEMPLATE_BYTES, TEMPLATE_DESCRIPTION_BYTES = _MIB, 1024
TEMPLATE_PARTS = {"Parameters": 200, "Resources": 500, "Outputs": 200, "Mappings": 200}
DEFINITION_BYTES, STATE_NAME_CHARACTERS, HISTORY_EVENTS = _MIB, 80, 25_000
ZIP_BYTES, UNPACKED_ZIP_BYTES, VARIABLES_BYTES = 50 * _MIB, 250 * _MIB, 4096
INLINE_POLICIES_CHARACTERS, TRUST_POLICY_CHARACTERS = 10_240, 2048
EVENT_PATTERN_CHARACTERS = 2048
# Names are as long as they can be: of a deployment (deploy_scripts/aws.py) and of a region.
_LONGEST = {STACK: "d" * 20, REGION: "ap-southeast-1"}


class Measure(NamedTuple):
    what: str
    size: int
    limit: int
    unit: str
    source: str

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.size:,} of {self.limit:,} {self.unit} ({100 * self.size / self.limit:.0f} %)"
        )


def check(subject: Subject) -> Result:
    """Nothing is over its limit."""
    measures = [*_machine(subject), *_functions(subject)]
    for file in (subject.template, subject.images_template):
        measures += [*_template(file), *_policies(read_template(file))]
    # Of many of a kind, the largest counts.
    largest: dict[str, Measure] = {}
    for each in measures:
        kind = re.sub(r"^\S+'s ", "", each.what)
        if kind not in largest or each.size > largest[kind].size:
            largest[kind] = each
    problems = tuple(f"{each}, by {each.source}" for each in measures if each.size > each.limit)
    closest = max(largest.values(), key=lambda each: each.size / each.limit)
    return Result(f"{len(measures)} sizes; closest is {closest}", problems, tuple(map(str, largest.values())))


def _machine(subject: Subject) -> Iterator[Measure]:
    for name, definition in ((PIPELINE, subject.definition), (SCORING, subject.scoring)):
        text = substituted(json.dumps(definition, indent=2), subject.main, {}, name)
        size = len(_longest(text).encode())
        yield Measure(f"{name}'s definition", size, DEFINITION_BYTES, "bytes", _STEP_FUNCTIONS)
        longest_name = max((each for one in workflows_of(definition) for each in one["States"]), key=len)
        yield Measure(
            f"{name}'s longest name of a state",
            len(longest_name),
            STATE_NAME_CHARACTERS,
            "characters",
            "https://states-language.net/spec.html#states-fields",
        )
    longest = longest_run(subject)
    yield Measure(
        "longest run's history",
        events(subject.definition, longest),
        HISTORY_EVENTS,
        "events",
        _STEP_FUNCTIONS,
    )


def _functions(subject: Subject) -> Iterator[Measure]:
    default = subject.main["Parameters"]["Architecture"]["Default"]
    for name in function_names():
        file = build_function(
            name, Runtime.of_lambda(default), into=work_folder() / "verify-aws" / "functions"
        )
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(each.file_size for each in archive.infolist())
        yield Measure(f"{name}'s zip", file.stat().st_size, ZIP_BYTES, "bytes", _LAMBDA)
        yield Measure(f"{name}'s unpacked zip", unpacked, UNPACKED_ZIP_BYTES, "bytes", _LAMBDA)
    values = example_values(subject.main)
    shared = subject.main["Globals"]["Function"]["Environment"]["Variables"]
    for name, resource in subject.main["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            own = resource["Properties"].get("Environment", {}).get("Variables", {})
            text = json.dumps(fill_in({**shared, **own}, values), separators=(",", ":"))
            yield Measure(
                f"{name}'s variables", len(_longest(text).encode()), VARIABLES_BYTES, "bytes", _LAMBDA
            )


def _template(file: Path) -> Iterator[Measure]:
    template = read_template(file)
    # deploy_scripts uploads it, so it need not fit into a request (51,200 bytes).
    text = json.dumps(template, separators=(",", ":"))
    yield Measure(f"{file.name}'s template", len(text.encode()), TEMPLATE_BYTES, "bytes", _CLOUDFORMATION)
    expanded = expand(template)
    size = len(json.dumps(expanded, separators=(",", ":")).encode())
    yield Measure(f"{file.name}'s template after SAM", size, TEMPLATE_BYTES, "bytes", _CLOUDFORMATION)
    for part, limit in TEMPLATE_PARTS.items():
        yield Measure(f"{file.name}'s {part}", len(expanded.get(part, {})), limit, "of them", _CLOUDFORMATION)
    yield Measure(
        f"{file.name}'s description",
        len(template["Description"].encode()),
        TEMPLATE_DESCRIPTION_BYTES,
        "bytes",
        _CLOUDFORMATION,
    )
    for name, resource in expanded["Resources"].items():
        if pattern := resource.get("Properties", {}).get("EventPattern"):
            filled = fill_in(pattern, example_values(template))
            yield Measure(
                f"{name}'s pattern",
                len(json.dumps(filled)),
                EVENT_PATTERN_CHARACTERS,
                "characters",
                _EVENTBRIDGE,
            )


def _policies(template: dict[str, Any]) -> Iterator[Measure]:
    """IAM counts no white space."""
    values = example_values(template)
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        properties = fill_in(resource["Properties"], values)
        inline = "".join(
            json.dumps(each["PolicyDocument"], separators=(",", ":")) for each in properties["Policies"]
        )
        trust = json.dumps(properties["AssumeRolePolicyDocument"], separators=(",", ":"))
        yield Measure(
            f"{name}'s inline policies", len(_longest(inline)), INLINE_POLICIES_CHARACTERS, "characters", _IAM
        )
        yield Measure(
            f"{name}'s trust policy", len(_longest(trust)), TRUST_POLICY_CHARACTERS, "characters", _IAM
        )


def _longest(text: str) -> str:
    for name, longest in _LONGEST.items():
        text = text.replace(name, longest)
    return text
