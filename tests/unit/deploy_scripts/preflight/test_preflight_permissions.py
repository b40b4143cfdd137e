"""What the caller may do: who is simulated, what the answers mean, which actions are asked about."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy_scripts.preflight.checks import permissions
from deploy_scripts.preflight.needed_actions import FILE, needed_actions, read_needed_actions, rendered
from deploy_scripts.project import ROOT
from tests.unit.deploy_scripts.preflight.conftest import ACCOUNT, CALLER, only

NEEDED = read_needed_actions()
EVERY = [action for group in NEEDED.values() for action in group]


@pytest.fixture
def simulate(account: Any) -> Callable[..., None]:
    """simulate({action: decision}, ...): IAM's answer; what is not named is allowed."""

    def answer(decisions: dict[str, str], asked: list[str] = EVERY, missing: tuple[str, ...] = ()) -> None:
        results = [
            {
                "EvalActionName": action,
                "EvalDecision": decisions.get(action, "allowed"),
                "MissingContextValues": list(missing),
            }
            for action in asked
        ]
        account.answer("iam", "simulate_principal_policy", {"EvaluationResults": results})

    return answer


def caller(account: Any, arn: str) -> None:
    account.answer("sts", "get_caller_identity", {"Arn": arn, "Account": ACCOUNT, "UserId": "x"})


def test_a_user_who_may_do_everything(account: Any, intent: Any, simulate: Any) -> None:
    caller(account, CALLER)
    simulate({})
    finding = only(permissions.check(intent()))
    assert (finding.status, f"all {len(EVERY)} actions" in finding.found) == ("ok", True)


def test_what_is_denied_on_everything_may_be_allowed_on_the_deployments_own(
    account: Any, intent: Any, simulate: Any
) -> None:
    caller(account, CALLER)
    simulate({"s3:PutObject": "implicitDeny", "sns:CreateTopic": "implicitDeny"})
    simulate({"s3:PutObject": "implicitDeny"}, asked=["s3:PutObject"])
    simulate({}, asked=["s3:PutObject"])
    simulate({}, asked=["sns:CreateTopic"])
    assert only(permissions.check(intent())).status == "ok"


@pytest.mark.parametrize(
    ("action", "status"),
    [("sns:CreateTopic", "fail"), ("sqs:SetQueueAttributes", "fail"), ("sns:TagResource", "warn")],
)
def test_a_denial_fails_where_a_deployment_needs_the_action(
    account: Any, intent: Any, simulate: Any, action: str, status: str
) -> None:
    caller(account, CALLER)
    simulate({action: "explicitDeny"})
    simulate({action: "explicitDeny"}, asked=[action])
    finding = only(permissions.check(intent()))
    assert (finding.status, f"may not {action}" in finding.found) == (status, True)


def test_a_condition_that_cannot_be_known_is_a_warning(account: Any, intent: Any, simulate: Any) -> None:
    caller(account, CALLER)
    simulate({"sns:CreateTopic": "implicitDeny"}, missing=("aws:SourceIp",))
    simulate({"sns:CreateTopic": "implicitDeny"}, asked=["sns:CreateTopic"], missing=("aws:SourceIp",))
    finding = only(permissions.check(intent()))
    assert (finding.status, "Conditions of policies decide on sns:CreateTopic" in finding.found) == (
        "warn",
        True,
    )


def test_a_session_stands_for_its_role_with_its_path(account: Any, intent: Any) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1"
    caller(account, f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_1/me@example.com")
    account.answer("iam", "get_role", a_role(role), RoleName="AWSReservedSSO_Admin_1")
    account.answer(
        "iam",
        "simulate_principal_policy",
        {"EvaluationResults": []},
        PolicySourceArn=role,
        ActionNames=EVERY,
        ResourceArns=["*"],
        ContextEntries=[
            {
                "ContextKeyName": "aws:RequestedRegion",
                "ContextKeyType": "string",
                "ContextKeyValues": ["us-east-1"],
            }
        ],
    )
    assert only(permissions.check(intent())).status == "ok"
    account.assert_all_asked()


def a_role(arn: str) -> dict[str, Any]:
    return {
        "Role": {"Path": "/", "RoleName": "x", "RoleId": "A" * 16, "Arn": arn, "CreateDate": "2026-11-29"}
    }


@pytest.mark.parametrize(
    ("arn", "status"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", "ok"),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/somebody", "warn"),
    ],
)
def test_what_iam_does_not_simulate(account: Any, intent: Any, arn: str, status: str) -> None:
    caller(account, arn)
    assert only(permissions.check(intent())).status == status


def test_the_actions_are_those_of_the_code_and_of_cloudformation() -> None:
    assert FILE.read_text() == rendered(), "run: python -m deploy_scripts.preflight.needed_actions"
    needed = needed_actions()
    assert {"s3:ListBucket", "s3:PutEncryptionConfiguration", "codebuild:StartBuild"} <= set(
        needed["deploys"]
    )
    assert {"iam:PassRole", "lambda:PublishVersion", "states:CreateStateMachine"} <= set(needed["makes"])
    assert {"states:StartExecution", "lambda:InvokeFunction"} <= set(needed["uses"])
    assert len(EVERY) == len(set(EVERY))


def test_actions_that_change_something_are_called_so_by_aws() -> None:
    """By the list of the audit, which has what can be granted on named resources."""
    known = set()
    for line in (ROOT / "functions/iam_audit/policy/aws_actions.txt").read_text().splitlines():
        service, _, *names = line.split()
        known |= {f"{service}:{name}" for name in names}
    reading = ("Describe", "Get", "List", "BatchGet", "Scan", "Filter", "Test")
    changing = {
        action
        for group in ("deploys", "makes", "uses")
        for action in NEEDED[group]
        if not action.partition(":")[2].startswith(reading)
    }
    assert changing - known == set()
