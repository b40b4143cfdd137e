"""A deployment that CloudFormation cannot finish: rolled back, told, and no obstacle to what comes after."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

# CloudFormation takes each list; together they are more than the variables of a function may hold.
TOO_LONG = [
    f"--parameter={name}={', '.join(f'host-{number:04}.example.org' for number in range(100))}"
    for name in ("AllowedHosts", "DeniedHosts")
]
REASON = (
    "InferenceFunction (AWS::Lambda::Function): Lambda was unable to configure your environment variables"
)
# Two commands begin within it.
CREATION_S = 20


def described(dropserve: Any) -> dict[str, Any]:
    (stack,) = dropserve.client("cloudformation").describe_stacks(StackName="dropserve")["Stacks"]
    return dict(stack)


def parameters(dropserve: Any) -> dict[str, str]:
    return {each["ParameterKey"]: each["ParameterValue"] for each in described(dropserve)["Parameters"]}


def idle_days(dropserve: Any) -> int:
    alarms = dropserve.client("cloudwatch").describe_alarms(AlarmNames=["dropserve-idle"])["MetricAlarms"]
    return int(alarms[0]["EvaluationPeriods"])


def denied_hosts(dropserve: Any) -> str:
    function = dropserve.client("lambda").get_function_configuration(
        FunctionName=dropserve.outputs["InferenceFunctionAliasArn"]
    )
    return str(function["Environment"]["Variables"]["DENIED_HOSTS"])


def test_an_update_that_fails_is_rolled_back_and_the_release_serves_on(
    dropserve: Any, first_release: dict[str, Any], food_photos: Any
) -> None:
    before = (parameters(dropserve), idle_days(dropserve), denied_hosts(dropserve), dropserve.live_release())

    failed = dropserve.run("deploy", "--parameter", "IdleDays=3", *TOO_LONG)

    assert failed.returncode == 1
    assert "The stack dropserve could not be deployed (UPDATE_ROLLBACK_COMPLETE):" in failed.stderr
    assert REASON in failed.stderr
    after = (parameters(dropserve), idle_days(dropserve), denied_hosts(dropserve), dropserve.live_release())
    assert after == before
    _label, photo = food_photos.held_out[0]
    assert dropserve.json("predict", photo)
    again = dropserve.run("deploy")
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_what_a_failed_creation_left_can_be_destroyed(other_dropserve: Any) -> None:
    assert other_dropserve.run("up", "--port", "0").returncode == 0
    assert other_dropserve.run("destroy", "--delete-data").returncode == 0
    failed = other_dropserve.run("deploy", "--skip-preflight", *TOO_LONG)
    assert failed.returncode == 1
    assert REASON in failed.stderr
    assert described(other_dropserve)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "There is no deployment named dropserve" in other_dropserve.run("status").stderr

    destroyed = other_dropserve.run("destroy")

    assert destroyed.returncode == 0, destroyed.stderr
    assert "Deleted the stack dropserve" in destroyed.stdout
    with pytest.raises(ClientError, match="does not exist"):
        described(other_dropserve)


def test_a_stack_that_is_being_made_is_waited_for_and_destroyed(dropserve: Any) -> None:
    """Its only resource waits for a signal that never comes, and fails."""
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    wait = {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": f"{CREATION_S}"},
    }
    template = json.dumps({"Resources": {"Handle": handle, "Wait": wait}})
    dropserve.client("cloudformation").create_stack(StackName="slow", TemplateBody=template)

    status = dropserve.run("status", "--stack", "slow")
    destroyed = dropserve.run("destroy", "--stack", "slow")

    assert "slow is being made or removed at this moment (CREATE_IN_PROGRESS)" in status.stderr
    assert destroyed.returncode == 0, destroyed.stderr
    assert "Waiting for the stack slow: CREATE_IN_PROGRESS" in destroyed.stdout
    assert "Deleted the stack slow" in destroyed.stdout
