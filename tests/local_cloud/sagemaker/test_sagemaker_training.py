"""Training jobs, driven directly, with a tiny training program and an in-memory S3."""

import errno
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from local_cloud.processes import Processes
from local_cloud.service import AwsError
from local_cloud.services.sagemaker.service import SageMaker, Timing
from local_cloud.services.sagemaker.training.run import TrainingTiming
from tests.local_cloud.sagemaker.sagemaker_doubles import IMAGE, ROLE, FakeAws, ServiceApi, write_containers
from tests.support.waiting import wait_until

QUICK = Timing(training=TrainingTiming(stop_grace_s=5.0, poll_s=0.02, checkpoint_sync_s=0.05))


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.objects["data"].update(
        {"train/a/1.txt": b"1", "train/b/2.txt": b"2", "train/b/3.txt": b"3", "train/": b""}
    )
    return aws


@pytest.fixture
def sagemaker(tmp_path: Path, aws: FakeAws) -> Iterator[SageMaker]:
    processes = Processes()
    service = SageMaker(
        write_containers(tmp_path), processes, work_dir=tmp_path / "work", clients=aws, timing=QUICK
    )
    yield service
    service.stop()
    processes.close()


@pytest.fixture
def api(sagemaker: SageMaker) -> ServiceApi:
    return ServiceApi(sagemaker)


def job(name: str = "job-1", action: str = "succeed", **changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "HyperParameters": {"action": action},
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "accuracy", "Regex": r"accuracy=([0-9.]+);"},
                {"Name": "never", "Regex": r"never=(\S+)"},
            ],
        },
        "InputDataConfig": [
            {
                "ChannelName": "training",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/train"}},
            }
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://data/out/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **changes,
    }


def ended(api: ServiceApi, name: str = "job-1") -> dict[str, Any]:
    def check() -> dict[str, Any] | None:
        found = api.call("DescribeTrainingJob", TrainingJobName=name)
        return found if found["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return wait_until(check)


def unpacked(aws: FakeAws, key: str) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(aws.objects["data"][key])) as tar:
        return {
            member.name: file.read()
            for member in tar.getmembers()
            if (file := tar.extractfile(member)) is not None
        }


def test_a_job_trains_on_its_data_and_uploads_what_it_made(api: ServiceApi, aws: FakeAws) -> None:
    arn = api.call("CreateTrainingJob", **job(action="report"))["TrainingJobArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:training-job/job-1"
    done = ended(api)
    assert done["TrainingJobStatus"] == done["SecondaryStatus"] == "Completed"
    assert done["ModelArtifacts"] == {"S3ModelArtifacts": "s3://data/out/job-1/output/model.tar.gz"}
    data = json.loads(unpacked(aws, "out/job-1/output/model.tar.gz")["weights"])
    assert data == ["training/a/1.txt", "training/b/2.txt", "training/b/3.txt"]
    assert unpacked(aws, "out/job-1/output/output.tar.gz") == {"report.html": b"a report"}
    assert [step["Status"] for step in done["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all("EndTime" in step for step in done["SecondaryStatusTransitions"])
    assert done["BillableTimeInSeconds"] == done["TrainingTimeInSeconds"] >= 1


def test_there_is_no_output_archive_without_output(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **job())
    ended(api)
    assert "out/job-1/output/model.tar.gz" in aws.objects["data"]
    assert "out/job-1/output/output.tar.gz" not in aws.objects["data"]


def test_the_last_value_of_each_metric_is_kept_and_the_log_is_shipped(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **job())
    metrics = ended(api)["FinalMetricDataList"]
    assert [(item["MetricName"], item["Value"]) for item in metrics] == [("accuracy", 0.875)]
    (stream, lines) = next(iter(aws.log_lines.items()))
    assert stream.startswith("/aws/sagemaker/TrainingJobs:job-1/algo-1-")
    assert "accuracy=0.25; accuracy=0.75;" in lines


def test_the_process_gets_the_role_and_nothing_of_the_server(
    api: ServiceApi, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_SECRET", "hunter2")
    api.call("CreateTrainingJob", **job(Environment={"MY_SETTING": "1"}))
    ended(api)
    line = next(line for lines in aws.log_lines.values() for line in lines if line.startswith("environment"))
    names = json.loads(line.removeprefix("environment "))
    assert {"MY_SETTING", "AWS_SESSION_TOKEN", "TRAINING_JOB_NAME", "AWS_ENDPOINT_URL"} <= set(names)
    assert "SERVER_SECRET" not in names
    assert {role for service, role in aws.asked_as if service in ("s3", "logs")} == {ROLE}


def test_a_failing_script_gives_its_reason_within_1024_characters(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **job(action="fail"))
    done = ended(api)
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"].startswith("AlgorithmError: the learning rate exploded!!!")
    assert done["FailureReason"].endswith(", exit code: 7")
    assert len(done["FailureReason"]) == 1024
    assert "out/job-1/output/model.tar.gz" not in aws.objects["data"]


def test_a_killed_script_fails_with_128_and_its_signal(api: ServiceApi) -> None:
    api.call("CreateTrainingJob", **job(action="crash"))
    assert ended(api)["FailureReason"] == "AlgorithmError: , exit code: 137"


def test_a_script_that_found_no_room_to_write_why_fails_with_that(
    api: ServiceApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    api.call("CreateTrainingJob", **job(action="crash"))
    reason = ended(api)["FailureReason"]
    assert reason == "AlgorithmError: No space left on device in the training volume, exit code: 137"


def test_an_archive_that_finds_no_room_does_not_hide_why_the_script_failed(
    api: ServiceApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "output.tar.gz")
    monkeypatch.setattr("local_cloud.services.sagemaker.archives.has_files", lambda folder: True)
    monkeypatch.setattr("local_cloud.services.sagemaker.archives.pack", Mock(side_effect=full))
    api.call("CreateTrainingJob", **job(action="fail"))
    assert ended(api)["FailureReason"].startswith("AlgorithmError: the learning rate exploded!!!")
    api.call("CreateTrainingJob", **job("job-2"))
    reason = ended(api, "job-2")["FailureReason"]
    assert reason == f"ClientError: Artifact upload failed:{full}"


def test_stopping_sends_sigterm_and_lets_the_script_save_its_work(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **job(action="wait"))
    wait_until(lambda: any("waiting" in lines for lines in aws.log_lines.values()))
    api.call("StopTrainingJob", TrainingJobName="job-1")
    assert api.call("DescribeTrainingJob", TrainingJobName="job-1")["TrainingJobStatus"] in (
        "Stopping",
        "Stopped",
    )
    done = ended(api)
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert unpacked(aws, "out/job-1/output/model.tar.gz") == {"weights-algo-1": b"saved at SIGTERM"}
    with pytest.raises(AwsError, match="rejected because the training job is in status Stopped"):
        api.call("StopTrainingJob", TrainingJobName="job-1")


def test_the_max_runtime_is_enforced(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **job(action="wait", StoppingCondition={"MaxRuntimeInSeconds": 1}))
    done = ended(api)
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert unpacked(aws, "out/job-1/output/model.tar.gz") == {"weights-algo-1": b"saved at SIGTERM"}


def test_checkpoints_are_restored_and_uploaded(api: ServiceApi, aws: FakeAws) -> None:
    aws.objects["data"]["checkpoints/run/epoch-1"] = b"one"
    api.call("CreateTrainingJob", **job(CheckpointConfig={"S3Uri": "s3://data/checkpoints/run"}))
    ended(api)
    assert any("restored ['epoch-1']" in lines for lines in aws.log_lines.values())
    assert aws.objects["data"]["checkpoints/run/epoch-2"] == b"two"


def test_missing_data_is_refused_as_aws_refuses_it(api: ServiceApi) -> None:
    channel = {
        "ChannelName": "training",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/nothing/"}},
    }
    with pytest.raises(AwsError) as refusal:
        api.call("CreateTrainingJob", **job(InputDataConfig=[channel]))
    assert refusal.value.code == "ValidationException"
    assert refusal.value.message.startswith(
        'No S3 objects found under S3 URL "s3://data/nothing/" given in input'
    )


def test_a_key_that_would_leave_its_folder_fails_the_job(api: ServiceApi, aws: FakeAws) -> None:
    aws.objects["data"]["train/../../../escaped"] = b"x"
    api.call("CreateTrainingJob", **job())
    assert ended(api)["FailureReason"].startswith("ClientError: Data download failed:")


def test_a_name_can_be_used_once(api: ServiceApi) -> None:
    api.call("CreateTrainingJob", **job())
    ended(api)
    with pytest.raises(AwsError) as refusal:
        api.call("CreateTrainingJob", **job())
    assert refusal.value.code == "ResourceInUse"


def test_an_unknown_image_fails_the_job(api: ServiceApi) -> None:
    specification = {"TrainingImage": "no.such/image", "TrainingInputMode": "File"}
    api.call("CreateTrainingJob", **job(AlgorithmSpecification=specification))
    assert ended(api)["FailureReason"].startswith("ClientError: Cannot pull algorithm container.")


@pytest.mark.parametrize("role", ["missing", "function"])
def test_a_role_that_sagemaker_cannot_assume_is_refused(api: ServiceApi, aws: FakeAws, role: str) -> None:
    aws.roles["function"] = "arn:aws:iam::000000000000:role/function"
    with pytest.raises(AwsError, match="Could not assume role"):
        api.call("CreateTrainingJob", **job(RoleArn=f"arn:aws:iam::000000000000:role/{role}"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"TrainingJobName": "-bad-"},
            "1 validation error detected: Value '-bad-' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"RoleArn": None},
            "1 validation error detected: Value null at 'roleArn' failed",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.huge", "InstanceCount": 1, "VolumeSizeInGB": -1}},
            "2 validation errors detected: Value 'ml.huge' at 'resourceConfig.instanceType'",
        ),
        (
            {"HyperParameters": {"x": "y" * 2501}},
            "Map value must satisfy constraint: [Member must have length less than or equal to 2500",
        ),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds."),
        ({"CheckpointConfig": {"S3Uri": "s3://data/c", "LocalPath": "/etc"}}, "not available"),
    ],
)
def test_requests_against_the_api_s_rules_are_refused(
    api: ServiceApi, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError) as refusal:
        api.call("CreateTrainingJob", **job(**changes))
    assert refusal.value.code == "ValidationException"
    assert message in refusal.value.message


def test_a_value_of_the_wrong_type_cannot_be_read(api: ServiceApi) -> None:
    with pytest.raises(AwsError) as refusal:
        api.call("CreateTrainingJob", **job(StoppingCondition={"MaxRuntimeInSeconds": "60"}))
    assert refusal.value.code == "SerializationException"


def instances(count: int) -> dict[str, Any]:
    return {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 1}


def shared(count: int, **hyperparameters: str) -> dict[str, Any]:
    """A job whose instances each do a part."""
    return job(ResourceConfig=instances(count), HyperParameters={"action": "share", **hyperparameters})


def test_every_instance_runs_and_what_they_write_is_one_archive(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **shared(3))
    assert ended(api)["TrainingJobStatus"] == "Completed"
    parts = unpacked(aws, "out/job-1/output/model.tar.gz")
    assert parts == {f"part-{rank}": b"127.0.0.1" for rank in range(3)}
    streams = {name.rpartition("/")[2].rpartition("-")[0]: lines for name, lines in aws.log_lines.items()}
    assert sorted(streams) == ["algo-1", "algo-2", "algo-3"]
    assert "rank=1;" in streams["algo-2"]


def test_an_instance_that_fails_ends_the_job_with_its_reason(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **shared(2, wait="yes", fail="yes"))
    done = ended(api)
    assert (done["TrainingJobStatus"], done["FailureReason"]) == (
        "Failed",
        "AlgorithmError: part 1 exploded, exit code: 3",
    )
    assert "out/job-1/output/model.tar.gz" not in aws.objects["data"]


def test_stopping_lets_every_instance_save_its_work(api: ServiceApi, aws: FakeAws) -> None:
    api.call("CreateTrainingJob", **shared(2, wait="yes"))
    wait_until(lambda: sum("waiting" in lines for lines in aws.log_lines.values()) == 2)
    api.call("StopTrainingJob", TrainingJobName="job-1")
    assert ended(api)["TrainingJobStatus"] == "Stopped"
    saved = unpacked(aws, "out/job-1/output/model.tar.gz")
    assert {"weights-algo-1", "weights-algo-2"} <= set(saved)


def test_nine_instances_are_above_the_quota(api: ServiceApi) -> None:
    with pytest.raises(AwsError) as refusal:
        api.call("CreateTrainingJob", **shared(9))
    assert refusal.value.code == "ResourceLimitExceeded"


def test_instances_count_while_their_job_runs_and_spot_apart(api: ServiceApi) -> None:
    api.call("CreateTrainingJob", **shared(8, wait="yes"))
    with pytest.raises(AwsError) as refusal:
        api.call("CreateTrainingJob", **job("job-2"))
    assert refusal.value.message.startswith(
        "The account-level service limit 'ml.m5.large for training job usage' is 8 Instances, with current "
        "utilization of 8 Instances and a request delta of 1 Instances."
    )
    times = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    on_spot = job("job-3", EnableManagedSpotTraining=True, StoppingCondition=times)
    api.call("CreateTrainingJob", **on_spot)
    api.call("StopTrainingJob", TrainingJobName="job-1")
    ended(api)
    api.call("CreateTrainingJob", **job("job-2"))
    ended(api, "job-2")


def test_instances_that_would_each_get_a_part_of_the_data_are_refused(api: ServiceApi) -> None:
    asked = shared(2)
    source = asked["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3DataDistributionType"] = "ShardedByS3Key"
    with pytest.raises(AwsError, match="ShardedByS3Key"):
        api.call("CreateTrainingJob", **asked)


def test_an_unknown_job_is_not_found(api: ServiceApi) -> None:
    with pytest.raises(AwsError, match="Requested resource not found"):
        api.call("DescribeTrainingJob", TrainingJobName="none")


def test_jobs_are_listed_page_by_page_and_by_status(api: ServiceApi) -> None:
    for name in ("alpha", "beta", "gamma"):
        api.call("CreateTrainingJob", **job(name, action="fail" if name == "beta" else "succeed"))
        ended(api, name)
    first = api.call("ListTrainingJobs", MaxResults=2, SortBy="Name")
    assert [item["TrainingJobName"] for item in first["TrainingJobSummaries"]] == ["alpha", "beta"]
    rest = api.call("ListTrainingJobs", MaxResults=2, SortBy="Name", NextToken=first["NextToken"])
    assert [item["TrainingJobName"] for item in rest["TrainingJobSummaries"]] == ["gamma"]
    assert "NextToken" not in rest
    failed = api.call("ListTrainingJobs", StatusEquals="Failed")["TrainingJobSummaries"]
    assert [item["TrainingJobName"] for item in failed] == ["beta"]


def test_tags_are_kept_with_a_job(api: ServiceApi) -> None:
    arn = api.call("CreateTrainingJob", **job(Tags=[{"Key": "team", "Value": "dogs"}]))["TrainingJobArn"]
    api.call("AddTags", ResourceArn=arn, Tags=[{"Key": "cost", "Value": "low"}])
    api.call("DeleteTags", ResourceArn=arn, TagKeys=["team"])
    assert api.call("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "low"}]
    ended(api)


def test_a_restart_keeps_what_ended_and_fails_what_ran(
    api: ServiceApi, sagemaker: SageMaker, tmp_path: Path, aws: FakeAws
) -> None:
    api.call("CreateTrainingJob", **job("done"))
    ended(api, "done")
    api.call("CreateTrainingJob", **job("running", action="wait"))
    state = json.loads(json.dumps(sagemaker.get_state()))
    sagemaker.stop()
    processes = Processes()
    again = SageMaker(
        write_containers(tmp_path), processes, work_dir=tmp_path / "again", clients=aws, timing=QUICK
    )
    again.restore(state)
    statuses = {
        name: ServiceApi(again).call("DescribeTrainingJob", TrainingJobName=name)["TrainingJobStatus"]
        for name in ("done", "running")
    }
    again.stop()
    processes.close()
    assert statuses == {"done": "Completed", "running": "Failed"}
