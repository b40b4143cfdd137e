"""Each check of the templates goes red on a mistake of its kind."""

import pytest

from deploy_scripts.verify_aws.template import event_patterns, lint, permissions, policies, security
from deploy_scripts.verify_aws.template.policies import overlap
from tests.unit.deploy_scripts.verify_aws.conftest import Seeded

_ROLE = "TrainingPipelineRole/ledger-pointer-and-notification"
_PUT, _PUTS = (f'"dynamodb:{name}", "dynamodb:UpdateItem"]' for name in ("PutItem", "PutItems"))
_INVOKE, _DESCRIBE = (f'Action: "sagemaker:{name}"' for name in ("InvokeEndpoint", "DescribeModel"))
_PUBLISH, _STAR = (
    f'{{Effect: Allow, Action: "sns:Publish", Resource: {name}}}'
    for name in ("!Ref NotificationTopic", '"*"')
)
_POINTER = '"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/${AWS::StackName}/live"'


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (_PUT, _PUTS, f"unknown-action {_ROLE}: there is no action dynamodb:PutItems"),
        (_INVOKE, _DESCRIBE, "useless-action InferenceRole/ask-the-live-endpoint: sagemaker:DescribeModel"),
        (
            _POINTER,
            _POINTER.replace(":ssm:", ":ssn:"),
            f"useless-resource {_ROLE}: no action of its statement",
        ),
        (
            "securityhub:BatchImportFindings",
            "securityhub:BatchImportFinding",
            "there is no action securityhub:BatchImportFinding",
        ),
        (
            "iam:PassedToService",
            "iam:PassedToServise",
            "iam:PassRole knows no condition key iam:PassedToServ",
        ),
        (_PUBLISH, _STAR, f"star {_ROLE}: sns:Publish could be allowed on named resources"),
    ],
)
def test_a_statement_that_aws_reads_otherwise_is_told(
    seeded: Seeded, old: str, new: str, problem: str
) -> None:
    problems = policies.check(seeded(texts={old: new})).problems
    assert any(problem in each for each in problems), problems


def test_the_roles_as_they_are_hold(seeded: Seeded) -> None:
    assert policies.check(seeded()).problems == ()
    assert permissions.check(seeded()).problems == ()


@pytest.mark.parametrize(
    ("one", "other", "do"),
    [
        ("arn:aws:s3:::b/*", "arn:*:s3:::*/*", True),
        ("arn:aws:ssm:us-east-1::parameter/aws/x", "arn:*:ssm:*:*:parameter/*", True),
        ("arn:aws:s3:::b", "arn:*:s3:::*/*", False),
        ("a*c", "ab*", True),
        ("a*c", "*d", False),
        ("", "*", True),
    ],
)
def test_two_patterns_overlap_where_one_text_matches_both(one: str, other: str, do: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is do


def test_what_a_run_needs_and_its_role_lacks_is_told(seeded: Seeded) -> None:
    lacking = {
        "dynamodb:PutItem": "Claim drop: ",
        "sagemaker:AddTags": "Create model: ",
        "sagemaker:ListTags": "Train on SageMaker: ",
        "events:PutTargets": "Train on SageMaker: ",
        "sagemaker:UpdateEndpointWeightsAndCapacities": "Register scaling target: ",
        "xray:PutTraceSegments": "",
    }
    texts = {f'"{action}"': '"sts:GetCallerIdentity"' for action in lacking}
    problems = "\n".join(permissions.check(seeded(texts=texts)).problems)
    for action, state in lacking.items():
        assert f"{state}TrainingPipelineRole may not {action}" in problems


def test_an_api_of_which_nobody_knows_what_it_needs_is_told(seeded: Seeded) -> None:
    subject = seeded(
        lambda states: states["Notify"].update(Resource="arn:aws:states:::aws-sdk:sns:publishBatch")
    )
    assert (
        permissions.check(subject).problems[0] == "Notify: say in permissions.py what sns:publishBatch needs"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({'wildcard: "drops/*.zip"': 'wildcard: "drops/*/*/*.zip"'}, "its wildcards have a complexity of 1"),
        ({'wildcard: "drops/*.zip"': 'wildcard: "drops/**.zip"'}, "EventBridge would refuse the pattern"),
        ({"detail-type: [Object Created]": "detail-type: [Object created]"}, "DropRule: is not for"),
        ({'"uploads/*", ': ""}, "DropRule: is for"),
        (
            {'"$.detail.object.sequencer"': '"$.detail.object.sequence"'},
            "an event has no $.detail.object.sequence",
        ),
        ({"  DropRule:": "  OtherRule:"}, "OtherRule: write in event_examples.py which events it is for"),
    ],
)
def test_a_rule_for_other_events_is_told(seeded: Seeded, texts: dict[str, str], problem: str) -> None:
    problems = event_patterns.check(seeded(texts={**texts, "!GetAtt DropRule.Arn": '"*"'})).problems
    assert any(problem in each for each in problems), problems


@pytest.mark.slow
def test_cfn_lint_finds_what_is_no_property_and_what_is_only_a_note(seeded: Seeded) -> None:
    subject = seeded(texts={"MessageRetentionPeriod: 1209600": "MessageRetentionSeconds: 1209600"})
    problems = "\n".join(lint.check(subject).problems)
    assert "E3002 UndeliveredDrops" in problems
    assert "I3013 UndeliveredDrops" in problems


@pytest.mark.slow
def test_checkov_finds_what_is_open(seeded: Seeded) -> None:
    texts = {
        "BlockPublicAcls: true": "BlockPublicAcls: false",
        "VersioningConfiguration: {Status: Enabled}": "Tags: []",
    }
    problems = "\n".join(security.check(seeded(texts=texts)).problems)
    assert "CKV_AWS_53 DataBucket" in problems
    assert "CKV_AWS_21 DataBucket" in problems
