"""EC2 instances that run their user data."""

from collections.abc import Callable
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.support.cloud_bench import Bench, task, unique
from tests.support.waiting import wait_until

IMAGE = "resolve:ssm:/aws/service/deeplearning/ami/x86_64/pytorch-ami/latest/ami-id"


@pytest.fixture(scope="module")
def profile(bench: Bench, cloud_client: Callable[..., Any]) -> str:
    iam, name, role = cloud_client("iam"), unique("profile"), bench.role()
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role.rsplit("/", 1)[-1])
    return name


def _run(ec2: Any, script: str, **options: Any) -> str:
    reply = ec2.run_instances(
        ImageId=IMAGE, InstanceType="m5.large", MinCount=1, MaxCount=1, UserData=script, **options
    )
    assert reply["Instances"][0]["State"]["Name"] == "pending"
    return str(reply["Instances"][0]["InstanceId"])


def _state(ec2: Any, instance: str) -> str:
    reply = ec2.describe_instances(InstanceIds=[instance])
    return str(reply["Reservations"][0]["Instances"][0]["State"]["Name"])


def _console(ec2: Any, instance: str) -> str:
    """What boto3 has decoded from base64 already."""
    return str(ec2.get_console_output(InstanceId=instance).get("Output", ""))


def _leftovers(marker: str) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if marker in (process.info["cmdline"] or [])
    ]


def test_user_data_runs_as_the_profiles_role(
    bench: Bench, cloud_client: Callable[..., Any], profile: str
) -> None:
    ec2 = cloud_client("ec2")
    script = """#!/bin/bash
python -c 'import boto3; print(boto3.client("sts", region_name="us-east-1").get_caller_identity()["Arn"])'
cd && pwd; echo "$HOME $TMPDIR"; command -v shutdown; echo "region=$AWS_REGION$AWS_DEFAULT_REGION."
"""
    instance = _run(ec2, script, IamInstanceProfile={"Name": profile})
    wait_until(lambda: "user data ended with exit status 0" in _console(ec2, instance))
    lines = _console(ec2, instance).splitlines()
    assert ":assumed-role/role-" in lines[0]
    assert lines[0].endswith(f"/{instance}")
    home, temporary = lines[2].split()
    assert lines[1] == home
    assert instance in home
    assert instance in temporary
    assert instance in lines[3]
    assert lines[4] == "region=."
    assert _state(ec2, instance) == "running"
    ec2.terminate_instances(InstanceIds=[instance])
    wait_until(lambda: _state(ec2, instance) == "terminated")


@pytest.mark.parametrize(("behavior", "end"), [("terminate", "terminated"), ("stop", "stopped")])
def test_an_instance_shuts_itself_down(cloud_client: Callable[..., Any], behavior: str, end: str) -> None:
    ec2 = cloud_client("ec2")
    script = "#!/bin/bash\necho bye\nshutdown -h now\n"
    instance = _run(ec2, script, InstanceInitiatedShutdownBehavior=behavior)
    wait_until(lambda: _state(ec2, instance) == end)
    assert _console(ec2, instance).startswith("bye")


def test_terminating_kills_everything_on_the_instance(cloud_client: Callable[..., Any]) -> None:
    ec2, marker = cloud_client("ec2"), "86399"
    instance = _run(ec2, f"#!/bin/bash\nsleep {marker} &\ntrap '' TERM\nsleep {marker}\n")
    wait_until(lambda: len(_leftovers(marker)) == 2)
    reply = ec2.terminate_instances(InstanceIds=[instance])
    assert reply["TerminatingInstances"][0]["CurrentState"]["Name"] == "shutting-down"
    wait_until(lambda: _state(ec2, instance) == "terminated")
    assert _leftovers(marker) == []


def test_a_client_token_starts_one_instance(cloud_client: Callable[..., Any]) -> None:
    ec2, token = cloud_client("ec2"), unique("token")
    first = _run(ec2, "#!/bin/sh\n", ClientToken=token)
    assert _run(ec2, "#!/bin/sh\n", ClientToken=token) == first
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        _run(ec2, "#!/bin/sh\necho other\n", ClientToken=token)
    ec2.terminate_instances(InstanceIds=[first])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"IamInstanceProfile": {"Name": "none"}}, "InvalidParameterValue"),
        ({"UserData": "x" * 17_000}, "InvalidParameterValue"),
        ({"ImageId": "resolve:ssm:/mine/none"}, "InvalidParameterValue"),
    ],
)
def test_what_ec2_refuses(cloud_client: Callable[..., Any], options: dict[str, Any], code: str) -> None:
    request = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, **options}
    with pytest.raises(ClientError) as error:
        cloud_client("ec2").run_instances(**request)
    assert error.value.response["Error"]["Code"] == code


def test_a_workflow_waits_for_the_instances_token(
    bench: Bench, cloud_client: Callable[..., Any], profile: str
) -> None:
    script = (
        "#!/bin/bash\npython -c 'import boto3, sys; "
        'boto3.client("stepfunctions", region_name="us-east-1").send_task_success('
        'taskToken=sys.argv[1], output="[1]")\' {}\nshutdown -h now\n'
    )
    parameters = {
        "ImageId": IMAGE,
        "InstanceType": "m5.large",
        "MinCount": 1,
        "MaxCount": 1,
        "IamInstanceProfile": {"Name": profile},
        "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData.$": "States.Base64Encode(States.Format($.script, $$.Task.Token))",
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "run", "Value.$": "$.run"}]},
        ],
    }
    resource = "arn:aws:states:::aws-sdk:ec2:runInstances.waitForTaskToken"
    definition = task(resource, parameters, TimeoutSeconds=60, HeartbeatSeconds=30)
    run = unique("run")
    assert bench.run(definition, {"script": script, "run": run}) == [1]
    ec2 = cloud_client("ec2")
    reply = ec2.describe_instances(Filters=[{"Name": "tag:run", "Values": [run]}])
    (instance,) = reply["Reservations"][0]["Instances"]
    wait_until(lambda: _state(ec2, instance["InstanceId"]) == "terminated")
