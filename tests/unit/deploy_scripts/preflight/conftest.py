"""An account whose answers a test writes down, and what is to be deployed in it."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.stack_deployment import DeployChoices, planned_parameters

ACCOUNT = "111122223333"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/deployer"


@pytest.fixture
def account(account: Any) -> Any:
    """Its number is known; nothing else is asked for free."""
    account.aws.account_id = ACCOUNT
    return account


@pytest.fixture
def intent(account: Any) -> Callable[..., Intent]:
    """intent(EndpointInstanceType="ml.m6g.large", image_builder="podman") -> what is to be deployed."""

    def make(image_builder: str = "codebuild", **parameters: str) -> Intent:
        account.refuse("cloudformation", "describe_stacks", "ValidationError", "no such stack")
        planned = planned_parameters(
            account.aws, DeployChoices({"EndpointInstanceType": "ml.m5.large", **parameters})
        )
        return Intent(account.aws, planned, image_builder)  # type: ignore[arg-type]

    return make


@pytest.fixture
def quotas(account: Any) -> Callable[..., None]:
    """quotas("lambda", {"Concurrent executions": 10}): what the account has; `defaults` are AWS's."""

    def answer(service: str, values: dict[str, float], defaults: dict[str, float] | None = None) -> None:
        for call, listed in (
            ("list_service_quotas", values),
            ("list_aws_default_service_quotas", defaults or {}),
        ):
            found = [
                {"QuotaName": name, "QuotaCode": f"L-{number}", "Value": value}
                for number, (name, value) in enumerate(listed.items())
            ]
            account.answer("service_quotas", call, {"Quotas": found}, ServiceCode=service, MaxResults=100)

    return answer


@pytest.fixture
def default_is(account: Any) -> Callable[[float], None]:
    """AWS's own value of the quota that is asked for next."""
    return lambda value: account.answer(
        "service_quotas", "get_aws_default_service_quota", {"Quota": {"Value": value}}
    )


def only(findings: Any) -> Finding:
    (finding,) = findings
    assert isinstance(finding, Finding)
    return finding
