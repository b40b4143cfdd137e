"""createTrainingJob.sync: a training job as a task of a workflow."""

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cloud_bench import Bench, task, unique
from tests.support.waiting import wait_until

TRAIN = "arn:aws:states:::sagemaker:createTrainingJob.sync"
PROGRAM = """
import json, os, sys, time
fate = json.loads(os.environ["SM_HPS"])
print("fate", fate, flush=True)
time.sleep(fate["seconds"])
if fate["exit"]:
    sys.exit(fate["exit"])
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.txt"), "w") as file:
    file.write("trained")
"""


@pytest.fixture(scope="module")
def bucket(cloud_client: Callable[..., Any]) -> str:
    name = unique("training")
    s3, buffer = cloud_client("s3"), io.BytesIO()
    s3.create_bucket(Bucket=name)
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("train.py")
        info.size = len(PROGRAM)
        archive.addfile(info, io.BytesIO(PROGRAM.encode()))
    s3.put_object(Bucket=name, Key="sourcedir.tar.gz", Body=buffer.getvalue())
    s3.put_object(Bucket=name, Key="data/one.txt", Body=b"1")
    return name


def _job(bench: Bench, bucket: str, **hyperparameters: int) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{bucket}/data/",
        "S3DataDistributionType": "FullyReplicated",
    }
    return {
        "TrainingJobName.$": "States.Format('job-{}-{}', $$.Execution.Name, $$.State.RetryCount)",
        "RoleArn": bench.role(),
        "AlgorithmSpecification": {
            "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/dropserve-train:1",
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{bucket}/sourcedir.tar.gz"',
            **{name: str(value) for name, value in hyperparameters.items()},
        },
        "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
    }


def test_the_task_waits_for_the_model(bench: Bench, bucket: str, cloud_client: Callable[..., Any]) -> None:
    result = bench.run(task(TRAIN, _job(bench, bucket, seconds=0, exit=0), TimeoutSeconds=120))
    assert result["TrainingJobStatus"] == "Completed"
    uri = result["ModelArtifacts"]["S3ModelArtifacts"]
    key = uri.removeprefix(f"s3://{bucket}/")
    body = cloud_client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert "model.txt" in {name.removeprefix("./") for name in archive.getnames()}


def test_a_failed_job_tells_its_description(bench: Bench, bucket: str) -> None:
    definition = task(TRAIN, _job(bench, bucket, seconds=0, exit=9), catch=["States.TaskFailed"])
    caught = bench.run(definition)
    assert caught["Error"] == "States.TaskFailed"
    assert json.loads(caught["Cause"])["TrainingJobStatus"] == "Failed"


@pytest.mark.parametrize("how", ["stop", "timeout"])
def test_the_job_is_stopped_with_its_task(
    bench: Bench, bucket: str, cloud_client: Callable[..., Any], how: str
) -> None:
    limits = {"TimeoutSeconds": 3} if how == "timeout" else {}
    execution = bench.start(task(TRAIN, _job(bench, bucket, seconds=100, exit=0), **limits))
    sagemaker, sfn = cloud_client("sagemaker"), cloud_client("stepfunctions")
    name = f"job-{execution.rsplit(':', 1)[-1]}-0"

    def status() -> Any:
        try:
            return sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"]
        except sagemaker.exceptions.ClientError:
            return None

    wait_until(lambda: status() == "InProgress")
    if how == "stop":
        sfn.stop_execution(executionArn=execution)
    wait_until(lambda: status() == "Stopped", timeout_s=60)
    end = bench.finished(execution)
    expected = ("ABORTED", None) if how == "stop" else ("FAILED", "States.Timeout")
    assert (end["status"], end.get("error")) == expected
