"""SageMaker as boto3 meets it: a started cloud, the real training toolkit, a restart."""

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud import control
from local_cloud.control import Cloud
from tests.local_cloud.sagemaker.sagemaker_doubles import SERVE_SCRIPT, model_archive
from tests.support.waiting import wait_until

pytestmark = pytest.mark.cloud

TRAINING_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tiny-training:1"
SERVING_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tiny-inference:1"

SCRIPT = """
import argparse, os, pathlib, signal, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--action", default="succeed")
arguments = parser.parse_args()
files = sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAINING"]).iterdir())
print("files", files, "epochs", arguments.epochs, flush=True)
print("reaches", sorted(name for name in os.environ if "KEY" in name or "ENDPOINT" in name), flush=True)
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
def save(*_):
    time.sleep(0.5)
    (model / "name").write_text("stopped")
    sys.exit(0)
if arguments.action == "wait":
    signal.signal(signal.SIGTERM, save)
    print("waiting", flush=True)
    time.sleep(60)
if arguments.action == "fail":
    raise ValueError("no such breed")
print("accuracy=0.5;", flush=True)
(model / "name").write_text("trained")
(pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "metrics.json").write_text("{}")
"""


@dataclass
class Shop:
    """A started cloud with a bucket and a role; `restart` stops it and starts it again."""

    state_dir: Path
    containers: Path
    cloud: Cloud
    role: str = ""

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the name is a variable
            endpoint_url=self.cloud.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=self.cloud.root_key.access_key_id,
            aws_secret_access_key=self.cloud.root_key.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        )

    def restart(self) -> None:
        control.stop(self.state_dir)
        self.cloud = control.start(self.state_dir, port=0, containers=self.containers)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    serve = folder / "serve.py"
    serve.write_text(SERVE_SCRIPT)
    train = str(Path(sys.executable).with_name("train"))
    containers = folder / "containers.json"
    entries = [
        {"image": "tiny-training", "train": [train]},
        {"image": "tiny-inference", "serve": [sys.executable, str(serve)]},
    ]
    containers.write_text(json.dumps({"containers": entries}))
    state_dir = folder / "state"
    shop = Shop(state_dir, containers, control.start(state_dir, port=0, containers=containers))
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = shop.client("iam").create_role(
        RoleName="model", Path="/shop/", AssumeRolePolicyDocument=json.dumps(trust)
    )
    shop.role = role["Role"]["Arn"]
    s3 = shop.client("s3")
    s3.create_bucket(Bucket="shop")
    for key, body in (
        ("data/one.txt", b"1"),
        ("data/two.txt", b"2"),
        ("code/sourcedir.tar.gz", source_archive()),
        ("models/first.tar.gz", model_archive("first")),
    ):
        s3.put_object(Bucket="shop", Key=key, Body=body)
    yield shop
    control.stop(state_dir)


def source_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(SCRIPT)
        tar.addfile(member, io.BytesIO(SCRIPT.encode()))
    return buffer.getvalue()


def train(
    shop: Shop,
    name: str,
    action: str = "succeed",
    code: str = "s3://shop/code/sourcedir.tar.gz",
    **network: Any,
) -> Any:
    hyperparameters = {
        "epochs": 3,
        "action": action,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": code,
        "sagemaker_region": "us-east-1",
    }
    sagemaker = shop.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=shop.role,
        HyperParameters={key: json.dumps(value) for key, value in hyperparameters.items()},
        AlgorithmSpecification={
            "TrainingImage": TRAINING_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}],
        },
        InputDataConfig=[
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://shop/{prefix}"}},
            }
            for channel, prefix in (("training", "data/"), ("code", "code/sourcedir.tar.gz"))
        ],
        OutputDataConfig={"S3OutputPath": "s3://shop/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 120},
        **network,
    )
    return sagemaker


def finished(sagemaker: Any, name: str) -> dict[str, Any]:
    def check() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return wait_until(check, timeout_s=90)


def log_lines(shop: Shop, job: str) -> list[str]:
    logs = shop.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-1-")[
        "logStreams"
    ]
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]


def test_the_toolkit_runs_the_script_and_everything_arrives(shop: Shop) -> None:
    sagemaker = train(shop, "succeeds")
    done = finished(sagemaker, "succeeds")
    assert (done["TrainingJobStatus"], done.get("FailureReason")) == ("Completed", None)
    assert done["FinalMetricDataList"][0]["Value"] == 0.5
    assert "files ['one.txt', 'two.txt'] epochs 3" in log_lines(shop, "succeeds")
    keys = [
        item["Key"] for item in shop.client("s3").list_objects_v2(Bucket="shop", Prefix="out/")["Contents"]
    ]
    assert keys == ["out/succeeds/output/model.tar.gz", "out/succeeds/output/output.tar.gz"]


@pytest.fixture
def vpc(shop: Shop) -> dict[str, list[str]]:
    """VpcConfig of a VPC with one subnet."""
    ec2 = shop.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/25")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName=vpc, Description="work", VpcId=vpc)["GroupId"]
    return {"Subnets": [subnet], "SecurityGroupIds": [group]}


def test_an_isolated_container_has_its_channels_and_no_keys(shop: Shop, vpc: dict[str, list[str]]) -> None:
    code = "/opt/ml/input/data/code/sourcedir.tar.gz"
    sagemaker = train(shop, "isolated", code=code, EnableNetworkIsolation=True, VpcConfig=vpc)
    done = finished(sagemaker, "isolated")
    assert (done["TrainingJobStatus"], done.get("FailureReason")) == ("Completed", None)
    assert (done["EnableNetworkIsolation"], done["VpcConfig"]) == (True, vpc)
    assert "reaches []" in log_lines(shop, "isolated")
    finished(train(shop, "open"), "open")
    assert any("AWS_ENDPOINT_URL" in line for line in log_lines(shop, "open"))


@pytest.mark.parametrize("of", ["job", "model"])
def test_a_vpc_that_cannot_be_is_refused(shop: Shop, vpc: dict[str, list[str]], of: str) -> None:
    def make(config: dict[str, list[str]]) -> None:
        if of == "job":
            train(shop, "nowhere", VpcConfig=config)
        else:
            create_model(shop, "nowhere", VpcConfig=config)

    others = shop.client("ec2").describe_security_groups()["SecurityGroups"]
    other = next(each["GroupId"] for each in others if each["GroupId"] not in vpc["SecurityGroupIds"])
    for config, told in (
        ({**vpc, "Subnets": ["subnet-0123456789abcdef0"]}, "subnet-0123456789abcdef0"),
        ({**vpc, "SecurityGroupIds": [other]}, "belong to vpc-"),
    ):
        with pytest.raises(ClientError, match=told):
            make(config)


def test_a_model_keeps_its_network_and_serverless_endpoints_refuse_it(
    shop: Shop, vpc: dict[str, list[str]]
) -> None:
    sagemaker = shop.client("sagemaker")
    create_model(shop, "private", EnableNetworkIsolation=True, VpcConfig=vpc)
    found = sagemaker.describe_model(ModelName="private")
    assert (found["EnableNetworkIsolation"], found["VpcConfig"]) == (True, vpc)
    variant = {
        "VariantName": "one",
        "ModelName": "private",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    with pytest.raises(ClientError, match="Serverless endpoints do not support VpcConfig"):
        sagemaker.create_endpoint_config(EndpointConfigName="private", ProductionVariants=[variant])


def create_model(shop: Shop, name: str, **network: Any) -> None:
    container = {"Image": SERVING_IMAGE, "ModelDataUrl": "s3://shop/models/first.tar.gz"}
    shop.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=shop.role, PrimaryContainer=container, **network
    )


def test_a_script_s_exception_becomes_the_failure_reason(shop: Shop) -> None:
    done = finished(train(shop, "fails", "fail"), "fails")
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:")
    assert done["FailureReason"].endswith("exit code: 1")


def test_a_stopped_script_has_time_to_save_below_the_toolkit(shop: Shop) -> None:
    sagemaker = train(shop, "stops", "wait")
    wait_until(lambda: "waiting" in log_lines(shop, "stops") if _has_stream(shop) else False)
    sagemaker.stop_training_job(TrainingJobName="stops")
    done = finished(sagemaker, "stops")
    assert done["TrainingJobStatus"] == "Stopped"
    uri = done["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://shop/")
    body = shop.client("s3").get_object(Bucket="shop", Key=uri)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        file = tar.extractfile("name")
        assert file is not None
        assert file.read() == b"stopped"


def _has_stream(shop: Shop) -> bool:
    groups = shop.client("logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker/TrainingJobs")
    return bool(groups["logGroups"])


def test_errors_come_to_boto3_as_from_aws(shop: Shop) -> None:
    sagemaker = shop.client("sagemaker")
    with pytest.raises(ClientError) as missing:
        sagemaker.describe_endpoint(EndpointName="none")
    assert missing.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": 'Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/none".',
    }
    runtime = shop.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ValidationError):
        runtime.invoke_endpoint(EndpointName="none", Body=b"")


def test_an_endpoint_serves_scales_and_outlives_a_restart(shop: Shop) -> None:
    serve(shop)
    runtime = shop.client("sagemaker-runtime")
    reply = runtime.invoke_endpoint(EndpointName="live", Body=b"hi", ContentType="image/png", Accept="*/*")
    answer = json.loads(reply["Body"].read())
    assert (answer["model"], answer["type"], answer["accept"]) == ("first", "image/png", "*/*")
    assert reply["InvokedProductionVariant"] == "AllTraffic"
    with pytest.raises(runtime.exceptions.ModelError) as refused:
        runtime.invoke_endpoint(EndpointName="live", Body=b"bad")
    assert refused.value.response["OriginalStatusCode"] == 400
    assert refused.value.response["OriginalMessage"] == "not an image"

    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/live/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = shop.client("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=6)
    alarms = scaling.put_scaling_policy(
        **target,
        PolicyName="by-invocations",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
        },
    )["Alarms"]
    known = shop.client("cloudwatch").describe_alarms(AlarmNames=[alarm["AlarmName"] for alarm in alarms])
    assert len(known["MetricAlarms"]) == 2
    wait_until(lambda: capacity(shop) == (2, 2))

    shop.restart()
    shop.client("sagemaker").get_waiter("endpoint_in_service").wait(
        EndpointName="live", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert capacity(shop) == (2, 2)
    reply = shop.client("sagemaker-runtime").invoke_endpoint(EndpointName="live", Body=b"hi")
    assert json.loads(reply["Body"].read())["model"] == "first"
    targets = shop.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert [item["MaxCapacity"] for item in targets["ScalableTargets"]] == [6]

    shop.client("sagemaker").delete_endpoint(EndpointName="live")
    targets = shop.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert targets["ScalableTargets"] == []


def serve(shop: Shop) -> None:
    sagemaker = shop.client("sagemaker")
    container = {"Image": SERVING_IMAGE, "ModelDataUrl": "s3://shop/models/first.tar.gz"}
    sagemaker.create_model(ModelName="first", ExecutionRoleArn=shop.role, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "first",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="first", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="live", EndpointConfigName="first")
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName="live", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def capacity(shop: Shop) -> tuple[int, int]:
    variant = shop.client("sagemaker").describe_endpoint(EndpointName="live")["ProductionVariants"][0]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]
