"""What a person reads before a deployment: exactly what changes, in words."""

import copy
from typing import Any

import pytest

from deploy_scripts.cloudformation.sam_template import defaults, read_template
from deploy_scripts.project import TEMPLATE
from deploy_scripts.review.permission_changes import permission_changes
from deploy_scripts.review.resource_changes import resource_changes
from deploy_scripts.review.review import Review, Version, review

PLAIN = read_template(TEMPLATE)
DEFAULTS = defaults(PLAIN)


def change(action: str, name: str, kind: str = "AWS::Lambda::Function", **fields: Any) -> dict[str, Any]:
    resource = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, **fields}
    return {"Type": "Resource", "ResourceChange": resource}


def detail(evaluation: str = "Static", **target: str) -> dict[str, Any]:
    return {"Evaluation": evaluation, "Target": {"Attribute": "Properties", **target}}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (change("Add", "A"), "+ A (AWS::Lambda::Function)"),
        (change("Remove", "A"), "- A (AWS::Lambda::Function)"),
        (change("Remove", "A", PolicyAction="Retain"), "- A (AWS::Lambda::Function), but kept"),
        (change("Import", "A"), "+ A (AWS::Lambda::Function), taken up as it is"),
        (
            change("Modify", "A", Replacement="True", Details=[detail(Name="FunctionName")]),
            "~ A (AWS::Lambda::Function), REPLACED: FunctionName",
        ),
        (
            change(
                "Modify", "A", Details=[detail(Path="/Properties/Timeout", BeforeValue="3", AfterValue="5")]
            ),
            "~ A (AWS::Lambda::Function): Timeout 3 -> 5",
        ),
        (
            change("Modify", "A", Details=[detail(Path="/Properties/Code", BeforeValue="x" * 99)]),
            "~ A (AWS::Lambda::Function): Code",
        ),
        (
            change("Modify", "A", Details=[detail("Dynamic", Name="Role"), detail(Name="Timeout")]),
            "~ A (AWS::Lambda::Function): Timeout",
        ),
        (
            change("Modify", "A", Details=[detail("Dynamic", Name="Role")]),
            "~ A (AWS::Lambda::Function), only if what it refers to becomes another one",
        ),
    ],
)
def test_a_resource_is_a_line(given: dict[str, Any], line: str) -> None:
    assert resource_changes([given], is_new=False) == [line]


def test_a_new_stack_is_counted_by_type() -> None:
    added = [change("Add", "A"), change("Add", "B"), change("Add", "T", "AWS::SNS::Topic")]
    assert resource_changes(added, is_new=True) == ["+ 2 x AWS::Lambda::Function", "+ 1 x AWS::SNS::Topic"]


def test_what_goes_comes_first() -> None:
    lines = resource_changes([change("Add", "A"), change("Remove", "Z")], is_new=False)
    assert [line[0] for line in lines] == ["-", "+"]


def edited(role: str, statement: dict[str, Any] | None) -> dict[str, Any]:
    """The template with a statement added to a role, or without its first one."""
    template = copy.deepcopy(PLAIN)
    statements = template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    if statement:
        statements.append(statement)
    else:
        del statements[0]
    return template


def test_a_right_that_is_gained_or_lost_is_a_sentence() -> None:
    more = edited(
        "InferenceRole",
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": {"Fn::Sub": "${DataBucket.Arn}/x/*"},
            "Condition": {"Bool": {"aws:SecureTransport": "true"}},
        },
    )
    where = "on ${DataBucket.Arn}/x/*, where Bool aws:SecureTransport true"
    assert permission_changes(PLAIN, more) == [
        f"InferenceRole may s3:GetObject {where}",
        f"InferenceRole may s3:PutObject {where}",
    ]
    assert permission_changes(more, PLAIN) == [
        f"InferenceRole no longer may s3:GetObject {where}",
        f"InferenceRole no longer may s3:PutObject {where}",
    ]


def test_denials_exceptions_and_trust_are_told() -> None:
    deny = edited("InferenceRole", {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"})
    assert permission_changes(PLAIN, deny) == ["InferenceRole must not all but s3:GetObject on *"]
    trusting = copy.deepcopy(PLAIN)
    trust = trusting["Resources"]["InferenceRole"]["Properties"]["AssumeRolePolicyDocument"]
    trust["Statement"].append({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    # The trust of all functions' roles is one text of the template.
    assert "InferenceRole may be taken by AWS *" in permission_changes(PLAIN, trusting)


def test_nothing_new_is_no_sentence() -> None:
    assert permission_changes(PLAIN, copy.deepcopy(PLAIN)) == []


def section(found: Review, heading: str) -> list[str]:
    (lines,) = [lines for name, lines in found.sections.items() if name.startswith(heading)]
    return lines


def test_an_update_shows_parameters_and_the_cost_of_both() -> None:
    before, after = Version(PLAIN, DEFAULTS), Version(PLAIN, {**DEFAULTS, "MinInstances": "2"})
    found = review(before, after, [])
    assert section(found, "Parameters") == ["MinInstances: 1 -> 2"]
    assert section(found, "Cost") == ["$105 -> $173"]
    assert section(review(before, before, []), "Cost") == ["about $105, as before"]


def test_a_new_deployment_shows_what_is_no_default_and_its_cost() -> None:
    found = review(None, Version(PLAIN, {**DEFAULTS, "Contact": "me"}), [])
    assert found.lines() == [
        "Parameters",
        "  Contact: (nothing) -> me",
        "Cost of an idle month (see `dropserve cost`)",
        "  about $105 once a model is live",
    ]


def test_a_price_that_is_not_known_is_named() -> None:
    unknown = Version(PLAIN, {**DEFAULTS, "EndpointInstanceType": "ml.m6g.xlarge"})
    assert "ml.m6g.xlarge, whose price is not known here" in section(review(None, unknown, []), "Cost")[0]
