"""What a role is allowed against what it used, from a recording and a template."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.errors import CliError
from deploy_scripts.permissions.comparison import Comparison, compare
from deploy_scripts.permissions.exemptions import Exemption, read_exemptions
from deploy_scripts.permissions.minimal_policy import minimal_policy
from deploy_scripts.permissions.recording import Call, Recording, load_recording, record
from deploy_scripts.permissions.template_roles import read_roles
from deploy_scripts.permissions.template_values import deployed_values, fill_in
from deploy_scripts.project import TEMPLATE

VALUES = {
    "AWS::Partition": "aws",
    "Data": "photos",
    "Data.Arn": "arn:aws:s3:::photos",
    "Worker": "dropserve-Worker-1",
    "Worker.Arn": "arn:aws:iam::000000000000:role/dropserve/dropserve-Worker-1",
}
ARN = "arn:aws:s3:::photos"


def allow(actions: Any, resources: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def template_of(*statements: dict[str, Any], **properties: Any) -> dict[str, Any]:
    policies = [{"PolicyName": "work", "PolicyDocument": {"Statement": list(statements)}}]
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies, **properties}}
    return {"Resources": {"Worker": role, "Data": {"Type": "AWS::S3::Bucket", "Properties": {}}}}


def judged(
    statements: list[dict[str, Any]], calls: list[Call], exemptions: list[Exemption] | None = None
) -> Comparison:
    return compare(read_roles(template_of(*statements), VALUES), calls, exemptions or [])


def call(action: str, resource: str, **context: str) -> Call:
    return Call("Worker", action, resource, {key.replace("__", ":"): value for key, value in context.items()})


def test_a_role_that_uses_all_that_it_may_is_proved() -> None:
    found = judged(
        [allow("s3:GetObject", {"Fn::Sub": "${Data.Arn}/drops/*"}), allow(["s3:ListBucket"], ARN)],
        [call("s3:GetObject", f"{ARN}/drops/a.zip"), call("s3:ListBucket", ARN)],
    )

    assert found.is_proved
    assert found.roles[0].used == {"s3:GetObject": 1, "s3:ListBucket": 1}


def test_an_action_that_nothing_used_is_named() -> None:
    found = judged([allow(["s3:GetObject", "s3:PutObject"], f"{ARN}/*")], [call("s3:GetObject", f"{ARN}/a")])

    assert not found.is_proved
    assert [(each.action, each.policy) for each in found.roles[0].unused] == [("s3:PutObject", "work")]


def test_a_resource_that_nothing_used_is_named() -> None:
    found = judged(
        [allow("s3:GetObject", [f"{ARN}/drops/*", f"{ARN}/runs/*"])], [call("s3:GetObject", f"{ARN}/drops/a")]
    )

    assert [each.name for each in found.roles[0].unused] == [f"{ARN}/runs/*"]


def test_a_call_that_nothing_allows_is_named() -> None:
    elsewhere = call("s3:GetObject", f"{ARN}/secrets/a")
    found = judged(
        [allow("s3:GetObject", f"{ARN}/drops/*")], [call("s3:GetObject", f"{ARN}/drops/a"), elsewhere]
    )

    assert found.roles[0].lacking == [elsewhere]
    assert found.roles[0].used == {"s3:GetObject": 1}


@pytest.mark.parametrize(
    ("condition", "context", "allowed"),
    [
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, "ec2.amazonaws.com", True),
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, "lambda.amazonaws.com", False),
        ({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}, None, False),
        ({"StringLike": {"iam:PassedToService": "ec2.*"}}, "ec2.amazonaws.com", True),
        ({"Null": {"iam:PassedToService": "false"}}, "ec2.amazonaws.com", True),
        ({"Null": {"iam:PassedToService": "false"}}, None, False),
        ({"NoSuchOperator": {"iam:PassedToService": "ec2.amazonaws.com"}}, "ec2.amazonaws.com", False),
    ],
)
def test_conditions_count(condition: dict[str, Any], context: str | None, allowed: bool) -> None:
    passing = call(
        "iam:PassRole", "arn:aws:iam::1:role/x", **({"iam__passedtoservice": context} if context else {})
    )

    found = judged([allow("iam:PassRole", "*", Condition=condition)], [passing])

    assert found.is_proved is allowed


def test_a_deny_takes_back_what_another_statement_allows() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": f"{ARN}/drops/secret/*"}
    denied = call("s3:GetObject", f"{ARN}/drops/secret/a")

    found = judged(
        [allow("s3:GetObject", f"{ARN}/drops/*"), deny], [denied, call("s3:GetObject", f"{ARN}/drops/a")]
    )

    assert found.roles[0].lacking == [denied]
    assert not found.roles[0].unused


def test_a_written_reason_excuses_an_action_and_is_needless_once_it_is_used() -> None:
    statements = [allow(["s3:GetObject", "s3:AbortMultipartUpload"], f"{ARN}/*")]
    exemption = Exemption("Worker", "s3:AbortMultipartUpload", "*", "Only when a copy breaks off.")
    read, abort = call("s3:GetObject", f"{ARN}/a"), call("s3:AbortMultipartUpload", f"{ARN}/a")

    exempt = judged(statements, [read], [exemption])
    needless = judged(statements, [read, abort], [exemption])
    not_even_allowed = judged([allow("s3:GetObject", f"{ARN}/*")], [read], [exemption])

    assert exempt.is_proved
    assert exempt.roles[0].unused[0].reason == "Only when a copy breaks off."
    assert needless.needless == not_even_allowed.needless == [exemption]
    assert not needless.is_proved and not not_even_allowed.is_proved


def test_the_least_policy_drops_what_is_idle_and_adds_what_is_lacking() -> None:
    condition = {"Null": {"aws:RequestTag/x": "true"}}
    found = judged(
        [
            allow(["s3:GetObject", "s3:PutObject"], [f"{ARN}/drops/*", f"{ARN}/runs/*"], Condition=condition),
            allow("s3:DeleteObject", "*"),
        ],
        [call("s3:GetObject", f"{ARN}/drops/a"), call("sns:Publish", f"arn:aws:sns:::{'0a' * 16}")],
    )

    assert minimal_policy(found.roles[0]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [f"{ARN}/drops/*"],
                "Condition": condition,
            },
            {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:::*"},
        ],
    }


@pytest.mark.parametrize(
    ("statement", "properties", "named"),
    [
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, {}, "NotAction"),
        (allow("s3:GetObject", "*"), {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/X"]}, "managed policy"),
        (allow("s3:GetObject", {"Fn::GetAtt": ["Gone", "Arn"]}), {}, "Gone.Arn"),
        (allow("s3:GetObject", {"Fn::If": ["Always", "a", "b"]}), {}, "Condition Always"),
        (allow("s3:GetObject", {"Fn::Select": [0, ["a", "b"]]}), {}, "Fn::Select"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    statement: dict[str, Any], properties: dict[str, Any], named: str
) -> None:
    with pytest.raises(CliError, match=named):
        read_roles(template_of(statement, **properties), VALUES)


@pytest.mark.parametrize("condition", [None, "true", "false"])
def test_a_policy_beside_a_role_counts_where_it_stands(condition: str | None) -> None:
    template = template_of(allow("s3:GetObject", ARN))
    properties = {
        "PolicyName": "more",
        "PolicyDocument": {"Statement": [allow("s3:PutObject", {"Ref": "Data"})]},
        "Roles": [{"Ref": "Worker"}],
    }
    template["Resources"]["More"] = {"Type": "AWS::IAM::Policy", "Properties": properties}
    if condition:
        template["Resources"]["More"]["Condition"] = "Wanted"

    (role,) = read_roles(template, {**VALUES, "Condition Wanted": condition or ""})

    more = [(each.policy, each.actions, each.resources) for each in role.statements[1:]]
    assert more == ([] if condition == "false" else [("more", ("s3:PutObject",), ("photos",))])


def test_references_are_filled_in() -> None:
    part = {"a": [{"Ref": "Data"}, {"Fn::Sub": "${Data.Arn}/x/${!literal}"}, {"Fn::GetAtt": "Data.Arn"}, 1]}

    assert fill_in(part, VALUES) == {"a": ["photos", f"{ARN}/x/${{!literal}}", ARN, 1]}
    assert fill_in({"Fn::Split": [",", {"Ref": "Two"}]}, {"Two": "a,b"}) == ["a", "b"]


def test_a_log_becomes_a_recording_of_the_stacks_own_roles(tmp_path: Path) -> None:
    log, file = tmp_path / "activity.jsonl", tmp_path / "recording.json"
    own, other = VALUES["Worker.Arn"], "arn:aws:iam::000000000000:role/aws-service-role/AWSServiceRoleForX"
    lines = [
        {"principal": own, "action": "s3:GetObject", "resource": f"{ARN}/a", "context": {}},
        {"principal": own, "action": "s3:GetObject", "resource": f"{ARN}/a", "context": {}},
        {
            "principal": own,
            "action": "iam:PassRole",
            "resource": "r",
            "context": {"iam:passedtoservice": "x"},
        },
        {"principal": other, "action": "iam:GetRole", "resource": "r", "context": {}},
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))

    recording = record(VALUES, ["A scenario"], log)
    recording.save(file)

    assert load_recording(file) == recording
    assert recording.calls == (
        Call("Worker", "iam:PassRole", "r", {"iam:passedtoservice": "x"}),
        Call("Worker", "s3:GetObject", f"{ARN}/a", {}, 2),
    )


def test_the_values_of_a_deployment(stubbed: Any) -> None:
    parameters = [{"ParameterKey": "ArtifactsBucket", "ParameterValue": "artifacts"}]
    now = "2026-11-22T10:00:00Z"
    stack = {"StackName": "dropserve", "CreationTime": now, "StackStatus": "CREATE_COMPLETE"}
    kinds = {"Data": "AWS::S3::Bucket", "Worker": "AWS::IAM::Role", "Log": "AWS::Logs::LogGroup"}
    resources = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": f"physical-{name}",
            "ResourceType": kind,
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": now,
        }
        for name, kind in kinds.items()
    ]
    stubbed.aws.account_id = "123456789012"
    stubbed.answer("cloudformation", "describe_stacks", {"Stacks": [{**stack, "Parameters": parameters}]})
    stubbed.answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": resources})

    values = deployed_values(stubbed.deployment)

    assert values["ArtifactsBucket"] == "artifacts"
    assert values["Data"] == "physical-Data"
    assert values["Data.Arn"] == "arn:aws:s3:::physical-Data"
    assert values["Worker.Arn"] == "arn:aws:iam::123456789012:role/dropserve/physical-Worker"
    assert values["Log.Arn"] == "arn:aws:logs:us-east-1:123456789012:log-group:physical-Log:*"
    assert values["AWS::Region"] == "us-east-1"
    # By the defaults, which the stack has not been told.
    assert (values["Condition HasVpc"], values["Condition HasKey"]) == ("false", "false")


@pytest.mark.parametrize(("held", "filled"), [("true", ["a", "c"]), ("false", ["c"])])
def test_a_condition_decides_what_is_there(held: str, filled: list[str]) -> None:
    values = {"Condition Chosen": held, "A": "a"}
    no_value = {"Ref": "AWS::NoValue"}
    part = {"List": [{"Fn::If": ["Chosen", {"Ref": "A"}, no_value]}, "c"], "Gone": no_value}
    assert fill_in(part, values) == {"List": filled}


def test_every_written_reason_is_about_an_action_of_the_template() -> None:
    resources = read_template(TEMPLATE)["Resources"]
    exemptions = read_exemptions()

    assert exemptions
    for exemption in exemptions:
        statements = json.dumps(resources[exemption.role]["Properties"]["Policies"])
        assert f'"{exemption.action}"' in statements, exemption
        assert len(exemption.reason.split()) > 5


@pytest.mark.parametrize(
    "text",
    [
        "- roles: [A]\n  actions: [s3:GetObject]",
        "- roles: [A]\n  actions: []\n  reason: x",
        "- roles: [A]\n  actions: [s3:GetObject]\n  reason: x\n  note: y",
        "- text",
        "roles: [",
    ],
)
def test_a_malformed_list_of_reasons_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "reasons.yaml"
    file.write_text(text)
    with pytest.raises(CliError, match=r"reasons\.yaml"):
        read_exemptions(file)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"values": {}, "scenarios": [], "calls": [{"role": "x"}]}']
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "recording.json"
    file.write_text(text)
    with pytest.raises(CliError, match="is no recording"):
        load_recording(file)


def test_a_recording_is_checked_without_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording, output = tmp_path / "recording.json", tmp_path / "least"
    Recording(VALUES, ("A scenario",), (call("s3:GetObject", f"{ARN}/a"),)).save(recording)
    monkeypatch.setattr("deploy_scripts.commands.checks.verify_permissions.read_exemptions", list)
    statements = [allow("s3:GetObject", f"{ARN}/*")]
    monkeypatch.setattr(
        "deploy_scripts.commands.checks.verify_permissions.read_template", lambda _: template_of(*statements)
    )
    arguments = ["verify-permissions", "--recording", str(recording), "--output", str(output), "--json"]

    proved = CliRunner().invoke(cli.make_app(), arguments)
    statements.append(allow("s3:PutObject", f"{ARN}/*"))
    too_wide = CliRunner().invoke(cli.make_app(), arguments)

    assert proved.exit_code == 0, proved.output
    assert json.loads(proved.stdout)["roles"][0]["used"] == {"s3:GetObject": 1}
    assert json.loads((output / "Worker.json").read_text())["Statement"][0]["Action"] == ["s3:GetObject"]
    assert isinstance(too_wide.exception, CliError)
    assert "Worker never uses s3:PutObject (work)" in too_wide.exception.message
    assert not json.loads(too_wide.stdout)["proved"]
