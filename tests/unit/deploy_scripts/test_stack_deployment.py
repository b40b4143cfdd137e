"""The stack: nothing to change, a failure told in one block, no deployment at all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_scripts import stack_deployment
from deploy_scripts.cloudformation.stack import deploy_stack, read_outputs
from deploy_scripts.errors import CliError

pytestmark = pytest.mark.slow

STACK_ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/dropserve/1"
CHANGE_SET = "arn:aws:cloudformation:us-east-1:000000000000:changeSet/deploy/1"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def stack(status: str, **fields: Any) -> dict[str, Any]:
    return {"Stacks": [{"StackName": "dropserve", "CreationTime": NOW, "StackStatus": status, **fields}]}


def event(number: int, resource: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "StackId": STACK_ID,
        "EventId": str(number),
        "StackName": "dropserve",
        "Timestamp": NOW,
        "LogicalResourceId": resource,
        "ResourceType": "AWS::Lambda::Function",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def change_set(status: str, reason: str = "") -> dict[str, Any]:
    return {"Status": status, "StatusReason": reason, "ChangeSetId": CHANGE_SET, "StackId": STACK_ID}


def test_a_change_set_without_changes_is_removed_and_is_no_error(stubbed: Any) -> None:
    reason = "The submitted information didn't contain changes. Submit different information."
    stubbed.answer("cloudformation", "describe_stacks", stack("CREATE_COMPLETE"))
    stubbed.answer("cloudformation", "describe_stacks", stack("CREATE_COMPLETE"))
    stubbed.answer(
        "cloudformation", "describe_stack_events", {"StackEvents": [event(1, "A", "CREATE_COMPLETE")]}
    )
    stubbed.answer("cloudformation", "create_change_set", {"Id": CHANGE_SET, "StackId": STACK_ID})
    stubbed.answer("cloudformation", "describe_change_set", change_set("FAILED", reason))
    stubbed.answer("cloudformation", "describe_change_set", change_set("FAILED", reason))
    stubbed.answer("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)

    assert deploy_stack(stubbed.aws, "https://s3/template", {}, say=lambda line: None) is False
    stubbed.assert_all_asked()


def test_a_failed_deployment_names_what_failed_by_itself(stubbed: Any) -> None:
    old = [event(1, "Old", "CREATE_FAILED", "an old story")]
    new = [
        event(4, "dropserve", "UPDATE_ROLLBACK_COMPLETE"),
        event(3, "Other", "UPDATE_FAILED", "Resource update cancelled"),
        event(2, "Function", "UPDATE_FAILED", "The role cannot be assumed."),
    ]
    stubbed.answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE"))
    stubbed.answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE"))
    stubbed.answer("cloudformation", "describe_stack_events", {"StackEvents": old})
    stubbed.answer("cloudformation", "create_change_set", {"Id": CHANGE_SET, "StackId": STACK_ID})
    stubbed.answer("cloudformation", "describe_change_set", change_set("CREATE_COMPLETE"))
    stubbed.answer("cloudformation", "execute_change_set", {})
    stubbed.answer("cloudformation", "describe_stacks", stack("UPDATE_ROLLBACK_COMPLETE"))
    stubbed.answer("cloudformation", "describe_stack_events", {"StackEvents": new + old})
    said: list[str] = []

    with pytest.raises(CliError) as failure:
        deploy_stack(stubbed.aws, "https://s3/template", {}, say=said.append)

    assert failure.value.details == ("Function (AWS::Lambda::Function): The role cannot be assumed.",)
    assert said == ["Stack: 3 steps done, dropserve UPDATE_ROLLBACK_COMPLETE"]


def test_outputs_of_no_deployment_say_how_to_deploy(stubbed: Any) -> None:
    stubbed.refuse(
        "cloudformation", "describe_stacks", "ValidationError", "Stack with id dropserve does not exist"
    )

    with pytest.raises(CliError) as failure:
        read_outputs(stubbed.aws)

    assert failure.value.message == "There is no deployment named dropserve in the local cloud."
    assert failure.value.advice == "Deploy it: `dropserve deploy --target local`."


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"])
def test_a_stack_that_is_being_made_or_removed_is_no_deployment_yet(stubbed: Any, status: str) -> None:
    stubbed.answer("cloudformation", "describe_stacks", stack(status))
    with pytest.raises(CliError, match=rf"is being made or removed at this moment \({status}\)"):
        read_outputs(stubbed.aws)


def test_the_wait_for_provisioned_concurrency_has_an_end(
    stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def call_function(deployment: Any, function: str, *_arguments: Any, **_options: Any) -> dict[str, Any]:
        asked.append(function)
        return {"ready": False, "note": ""}

    now = iter(range(0, 10_000, 700))
    monkeypatch.setattr(stack_deployment, "call_function", call_function)
    monkeypatch.setattr(stack_deployment, "read_live", lambda deployment: None)
    monkeypatch.setattr(stack_deployment.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(stack_deployment.time, "sleep", lambda seconds: None)

    with pytest.raises(CliError, match="provisioned concurrency is not there after 30 minutes") as failure:
        stack_deployment._set_concurrency(stubbed.deployment, lambda line: None, lambda line: None)

    assert asked == ["SetConcurrencyFunctionName"] * 3
    assert "dropserve logs set_concurrency" in failure.value.advice


def test_outputs_by_name(stubbed: Any) -> None:
    found = stack("UPDATE_COMPLETE", Outputs=[{"OutputKey": "BucketName", "OutputValue": "data"}])
    stubbed.answer("cloudformation", "describe_stacks", found)
    stubbed.answer("cloudformation", "describe_stacks", found)

    assert read_outputs(stubbed.aws) == {"BucketName": "data"}


def test_a_deployment_waits_for_another(stubbed: Any) -> None:
    said: list[str] = []
    for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"):
        stubbed.answer("cloudformation", "describe_stacks", stack(status))
    stubbed.answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE"))
    stubbed.answer("cloudformation", "describe_stack_events", {"StackEvents": []})
    stubbed.answer("cloudformation", "create_change_set", {"Id": CHANGE_SET, "StackId": STACK_ID})
    stubbed.answer("cloudformation", "describe_change_set", change_set("FAILED", "didn't contain changes"))
    stubbed.answer("cloudformation", "describe_change_set", change_set("FAILED", "didn't contain changes"))
    stubbed.answer("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET)

    assert deploy_stack(stubbed.aws, "https://s3/template", {}, say=said.append) is False
    assert said[0] == "Waiting for the stack dropserve: UPDATE_IN_PROGRESS"
    stubbed.assert_all_asked()


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE"])
def test_a_stack_that_a_failure_left_is_no_deployment(stubbed: Any, status: str) -> None:
    stubbed.answer("cloudformation", "describe_stacks", stack(status))
    with pytest.raises(CliError, match="There is no deployment named dropserve"):
        read_outputs(stubbed.aws)
