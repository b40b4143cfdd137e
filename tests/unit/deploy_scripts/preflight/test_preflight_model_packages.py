"""The check of the model package group that releases are to be registered in."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy_scripts.preflight.checks import model_packages
from tests.unit.deploy_scripts.preflight.conftest import ACCOUNT, only


def described(account: Any, status: str) -> None:
    answer = {
        "ModelPackageGroupName": "pets",
        "ModelPackageGroupArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/pets",
        "CreationTime": 1,
        "CreatedBy": {},
        "ModelPackageGroupStatus": status,
    }
    account.answer("sagemaker", "describe_model_package_group", answer, ModelPackageGroupName="pets")


def test_without_a_group_nothing_is_asked(intent: Any) -> None:
    assert list(model_packages.check(intent())) == []


@pytest.mark.parametrize(("status", "found"), [("Completed", "ok"), ("Failed", "fail"), ("Deleting", "fail")])
def test_a_group_must_be_completed(account: Any, intent: Any, status: str, found: str) -> None:
    described(account, status)
    assert only(model_packages.check(intent(ModelPackageGroupName="pets"))).status == found


def test_a_group_that_is_not_there_fails_with_how_to_make_it(account: Any, intent: Any) -> None:
    account.refuse("sagemaker", "describe_model_package_group", "ValidationException", "does not exist")
    finding = only(model_packages.check(intent(ModelPackageGroupName="pets")))
    assert finding.status == "fail"
    assert "create-model-package-group --model-package-group-name pets" in finding.command


def test_what_aws_refuses_to_tell_is_no_answer(account: Any, intent: Any) -> None:
    account.refuse("sagemaker", "describe_model_package_group", "AccessDeniedException")
    with pytest.raises(ClientError):
        list(model_packages.check(intent(ModelPackageGroupName="pets")))
