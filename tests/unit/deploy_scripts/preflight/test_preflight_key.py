"""The check of the key that a deployment is to use."""

import json
from typing import Any

import pytest

from deploy_scripts.preflight.checks import key
from tests.unit.deploy_scripts.preflight.conftest import ACCOUNT, only

ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0123abcd"
SERVICES = ("logs.us-east-1.amazonaws.com", "events.amazonaws.com", "cloudwatch.amazonaws.com")


def described(account: Any, **changes: str) -> None:
    metadata = {
        "KeyId": "0123abcd",
        "Arn": ARN,
        "KeyState": "Enabled",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "KeyUsage": "ENCRYPT_DECRYPT",
    }
    account.answer("kms", "describe_key", {"KeyMetadata": {**metadata, **changes}}, KeyId=ARN)


def with_policy(account: Any, *services: str) -> None:
    statements = [{"Effect": "Allow", "Principal": {"Service": each}} for each in services]
    account.answer("kms", "get_key_policy", {"Policy": json.dumps({"Statement": statements})}, KeyId=ARN)


def test_a_deployment_without_a_key_says_nothing(intent: Any) -> None:
    assert list(key.check(intent())) == []


def test_a_key_that_the_services_may_use_is_ok(account: Any, intent: Any) -> None:
    described(account)
    with_policy(account, *SERVICES)
    assert only(key.check(intent(KmsKeyArn=ARN))).status == "ok"


def test_a_budget_needs_the_key_as_well(account: Any, intent: Any) -> None:
    for services, status in ((SERVICES, "fail"), ((*SERVICES, "budgets.amazonaws.com"), "ok")):
        described(account)
        with_policy(account, *services)
        assert only(key.check(intent(KmsKeyArn=ARN, MonthlyBudgetUsd="100"))).status == status


@pytest.mark.parametrize("missing", SERVICES)
def test_a_policy_that_leaves_a_service_out_fails(account: Any, intent: Any, missing: str) -> None:
    described(account)
    with_policy(account, *(each for each in SERVICES if each != missing))
    finding = only(key.check(intent(KmsKeyArn=ARN)))
    assert (finding.status, missing in finding.found) == ("fail", True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"KeyState": "PendingDeletion"}, "PendingDeletion"),
        ({"KeyState": "Disabled"}, "Disabled"),
        ({"KeySpec": "RSA_2048"}, "RSA_2048"),
        ({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, "HMAC_256"),
    ],
)
def test_a_key_that_cannot_encrypt_fails(
    account: Any, intent: Any, changes: dict[str, str], told: str
) -> None:
    described(account, **changes)
    finding = only(key.check(intent(KmsKeyArn=ARN)))
    assert (finding.status, told in finding.found) == ("fail", True)


def test_a_key_that_is_not_there_fails(account: Any, intent: Any) -> None:
    account.refuse("kms", "describe_key", "NotFoundException")
    assert only(key.check(intent(KmsKeyArn=ARN))).status == "fail"


def test_a_key_of_another_region_fails_without_a_question(intent: Any) -> None:
    finding = only(key.check(intent(KmsKeyArn=ARN.replace("us-east-1", "eu-west-1"))))
    assert (finding.status, "eu-west-1" in finding.found) == ("fail", True)
