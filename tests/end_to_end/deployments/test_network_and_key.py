"""A deployment in a VPC, under a key, without drift reviews: released, asked, each seen where it counts."""

import json
from typing import Any

from deploy_scripts.demo_data import PhotoSet
from tests.end_to_end.conftest import calls_beyond_their_policies

SERVICES = ("logs.us-east-1.amazonaws.com", "events.amazonaws.com", "cloudwatch.amazonaws.com")


def make_key(dropserve: Any) -> str:
    """With a policy that lets the services use it."""
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"},
        *(
            {"Effect": "Allow", "Principal": {"Service": each}, "Action": "kms:*", "Resource": "*"}
            for each in SERVICES
        ),
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return str(dropserve.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def test_a_deployment_in_a_vpc_and_under_a_key(other_dropserve: Any, food_photos: PhotoSet) -> None:
    assert other_dropserve.run("up", "--port", "0").returncode == 0
    key = make_key(other_dropserve)
    parameters = ("Network=new", f"KmsKeyArn={key}", "DriftReview=off")
    options = [part for each in parameters for part in ("--parameter", each)]
    deployed = other_dropserve.run("deploy", *options)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr

    run = other_dropserve.json("drop", food_photos.zip_file, "--watch")

    assert run["status"] == "live", run
    assert other_dropserve.json("predict", food_photos.held_out[0][1])["predictions"]
    sagemaker, release = other_dropserve.client("sagemaker"), run["release"]
    (summary,) = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    job = sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
    model = sagemaker.describe_model(ModelName=release)
    assert len(job["VpcConfig"]["Subnets"]) == 2
    assert model["VpcConfig"] == job["VpcConfig"]
    assert (job["EnableNetworkIsolation"], model["EnableNetworkIsolation"]) == (True, True)
    assert job["OutputDataConfig"]["KmsKeyId"] == job["ResourceConfig"]["VolumeKmsKeyId"] == key
    assert sagemaker.describe_endpoint_config(EndpointConfigName=release)["KmsKeyId"] == key
    assert keys_of_what_stores(other_dropserve, release) == {key}
    assert not calls_beyond_their_policies(other_dropserve.home)
    assert not other_dropserve.client("cloudwatch").describe_alarms(AlarmNames=["dropserve-drift"])[
        "MetricAlarms"
    ]
    rules = other_dropserve.client("events").list_rules(NamePrefix="dropserve-DriftReview")["Rules"]
    assert [each["State"] for each in rules] == ["DISABLED"]
    assert other_dropserve.json("drift", "--today")[-1]["answers"] == 0


def keys_of_what_stores(dropserve: Any, release: str) -> set[str | None]:
    """Of both buckets and an object, ledger, topic, queue, every log group of the stack, and functions."""
    outputs, s3 = dropserve.outputs, dropserve.client("s3")
    found: set[str | None] = set()
    for bucket in (outputs["BucketName"], outputs["ArtifactsBucketName"]):
        (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["BucketKeyEnabled"]
        found.add(rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"])
    table = dropserve.client("dynamodb").describe_table(TableName=outputs["LedgerTableName"])["Table"]
    found.add(table["SSEDescription"]["KMSMasterKeyArn"])
    sns, sqs = dropserve.client("sns"), dropserve.client("sqs")
    found.add(
        sns.get_topic_attributes(TopicArn=outputs["NotificationTopicArn"])["Attributes"].get("KmsMasterKeyId")
    )
    url = sqs.get_queue_url(QueueName="dropserve-undelivered-drops")["QueueUrl"]
    found.add(
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"].get("KmsMasterKeyId")
    )
    groups = dropserve.client("logs").describe_log_groups()["logGroups"]
    own = [each for each in groups if "/dropserve" in each["logGroupName"]]
    assert f"/aws/sagemaker/Endpoints/{release}" in {each["logGroupName"] for each in own}
    found |= {each.get("kmsKeyId") for each in own}
    functions = dropserve.client("lambda").list_functions()["Functions"]
    return found | {each.get("KMSKeyArn") for each in functions}
