"""The plan as AWS and the workflow take it."""

import json

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber

from contracts.training_job import CHOICES, NUMBERS
from functions.common.documents import parse_document
from functions.common.errors import SettingsError
from functions.common.live_pointer import PointerError, read_live_pointer
from functions.common.observability import metrics
from functions.plan_training import handler as handler_module
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.settings import read_settings
from functions.plan_training.throughput import GMACS
from tests.support.lambda_context import LambdaContext

RUN_ID = "0123456789abcdef0123456789abcdef"
SAGEMAKER = botocore.session.get_session().get_service_model("sagemaker")


def as_training_job(plan):
    """CreateTrainingJob's parameters, as the workflow makes them from a plan."""
    return {
        "TrainingJobName": f"{RUN_ID}-0",
        "RoleArn": "arn:aws:iam::000000000000:role/dropserve/training",
        "AlgorithmSpecification": {"TrainingImage": plan["training_image_uri"], "TrainingInputMode": "File"},
        "HyperParameters": plan["hyperparameters"],
        "InputDataConfig": plan["input_data_config"],
        "OutputDataConfig": {"S3OutputPath": plan["output_uri"]},
        "CheckpointConfig": {"S3Uri": plan["checkpoint_uri"]},
        "ResourceConfig": {
            "InstanceType": plan["instance_type"],
            "InstanceCount": plan["instance_count"],
            "VolumeSizeInGB": plan["volume_size_gb"],
        },
        "StoppingCondition": plan["stopping_condition"],
        "EnableManagedSpotTraining": plan["use_spot"],
        "EnableNetworkIsolation": plan["network_isolation"],
        **({"VpcConfig": plan["vpc_config"]} if "vpc_config" in plan else {}),
    }


def assert_sagemaker_takes(plan):
    with Stubber(boto3.client("sagemaker", region_name="eu-west-1")) as stub:
        stub.add_response("create_training_job", {"TrainingJobArn": "arn:aws:sagemaker:::training-job/one"})
        stub.client.create_training_job(**as_training_job(plan))
    assert plan["instance_type"] in SAGEMAKER.shape_for("TrainingInstanceType").enum
    bounds = SAGEMAKER.shape_for("HyperParameterValue").metadata
    assert all(len(value) <= bounds["max"] for value in plan["hyperparameters"].values())


def test_a_plan_is_accepted_and_written(plan, bucket):
    made = plan()
    assert made["accepted"]
    assert made["reason"].startswith("ml.c5.xlarge on SageMaker, managed spot: about ")
    assert made["plan_uri"] == f"s3://data-bucket/runs/{RUN_ID}/plan.json"
    written = parse_document("plan", bucket.objects[f"runs/{RUN_ID}/plan.json"], where="plan.json")
    assert written == made
    assert made["output_uri"] == f"s3://data-bucket/runs/{RUN_ID}/training"


@pytest.mark.parametrize("kind", ["zip", "folder"])
@pytest.mark.parametrize("overrides", [{}, {"instance_type": "ml.g5.2xlarge"}, {"instance_count": 8}])
def test_sagemaker_takes_the_plan(plan, champion, overrides, kind):
    assert_sagemaker_takes(plan(overrides, kind=kind))
    assert_sagemaker_takes(plan(overrides, kind=kind, champion=champion))


def test_channels(plan, champion):
    def channels(made):
        sources = {row["ChannelName"]: row["DataSource"]["S3DataSource"] for row in made["input_data_config"]}
        assert all(source["S3DataDistributionType"] == "FullyReplicated" for source in sources.values())
        return {name: source["S3Uri"] for name, source in sources.items()}

    first = {
        "dataset": "s3://data-bucket/snapshots/1/dataset.zip",
        "weights": "s3://artifacts-bucket/weights/efficientnet_lite0.pth",
        "code": "s3://artifacts-bucket/training/sourcedir-abc.tar.gz",
    }
    assert channels(plan()) == first
    assert channels(plan(champion=champion)) == {**first, "champion": champion["model_data_uri"]}
    other = plan({"hyperparameters": {"backbone": "resnet18"}}, kind="folder")
    assert channels(other) == {
        "dataset": "s3://data-bucket/snapshots/1/manifest.jsonl",
        "weights": "s3://artifacts-bucket/weights/resnet18.pth",
        "code": first["code"],
    }
    assert set(channels(plan({"backend": "ec2"}))) == {"dataset", "weights"}


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([], "is gone from s3://data-bucket/runs/old/training/old-0/output/model.tar.gz"),
        # Something that only begins with its key is another object.
        ([{"Key": "runs/old/training/old-0/output/model.tar.gz.bak"}], "is gone from"),
        (
            [{"Key": "runs/old/training/old-0/output/model.tar.gz", "StorageClass": "DEEP_ARCHIVE"}],
            "is archived (DEEP_ARCHIVE) at",
        ),
    ],
)
def test_a_lost_champion_is_no_channel(plan, bucket, champion, listed, told):
    bucket.listed = listed
    made = plan({"force": True}, champion=champion)
    assert made["accepted"]
    assert [row["ChannelName"] for row in made["input_data_config"]] == ["dataset", "weights", "code"]
    assert made["champion"] == champion
    assert told in made["reason"]
    assert made["reason"].endswith("so the new model is not tried beside it")
    assert_sagemaker_takes(made)


def test_a_champion_of_another_bucket_is_left_to_the_training(plan, bucket, champion):
    bucket.listed = []
    elsewhere = {**champion, "model_data_uri": "s3://another/model.tar.gz"}
    assert [row["ChannelName"] for row in plan(champion=elsewhere)["input_data_config"]][-1] == "champion"


def test_the_champion_and_the_thresholds_are_in_the_plan(plan, champion):
    made = plan({"min_accuracy": 0.75, "force": True}, champion=champion)
    assert (made["champion"], made["min_accuracy"], made["force"]) == (champion, 0.75, True)
    made = plan()
    assert (made["champion"], made["min_accuracy"], made["force"]) == (None, 0.5, False)


def test_hyperparameters_are_what_the_toolkit_decodes(plan):
    from sagemaker_training import mapping

    made = plan({"hyperparameters": {"epochs": 3, "learning-rate": 0.00001, "backbone": "resnet50"}})
    decoded = {name: json.loads(value) for name, value in made["hyperparameters"].items()}
    assert decoded["sagemaker_program"] == "training/train.py"
    assert decoded["sagemaker_submit_directory"] == "/opt/ml/input/data/code/sourcedir-abc.tar.gz"
    assert decoded["sagemaker_region"] == "eu-west-1"
    own = {name: value for name, value in decoded.items() if not name.startswith("sagemaker_")}
    arguments = mapping.to_cmd_args(own)
    assert arguments[arguments.index("--epochs") + 1] == "3"
    assert arguments[arguments.index("--learning-rate") + 1] == "1e-05"
    assert arguments[arguments.index("--run-id") + 1] == RUN_ID


def test_the_inspection_travels_to_training_within_a_hyperparameters_limit(plan):
    findings = "'\"\\ä犬😀" * 140
    made = plan(findings=findings)["hyperparameters"]
    assert json.loads(made["inspection-findings"]) == findings
    assert json.loads(made["layout-sha256"]) == "5" * 64
    assert len(made["inspection-findings"]) <= 2500


def test_train_py_takes_the_hyperparameters_and_has_the_same_defaults(plan, monkeypatch, request):
    from sagemaker_training import mapping

    monkeypatch.syspath_prepend(str(request.config.rootpath / "training"))
    from training import arguments

    folders = ["--dataset", "d", "--weights", "w", "--model-dir", "m", "--output-dir", "o"]
    planned = plan()
    machine = f"{planned['instance_count']} x {planned['instance_type']}"
    of_the_run = ["--run-id", RUN_ID, "--layout-sha256", "5" * 64, "--machine", machine]
    drop = ["--drop", "s3://data-bucket/drops/1.zip", "--drop-version", "v1"]
    by_itself = arguments.parse_arguments([*folders, *of_the_run, *drop], {})
    made = planned["hyperparameters"]
    own = {name: json.loads(value) for name, value in made.items() if not name.startswith("sagemaker_")}
    assert arguments.parse_arguments([*folders, *mapping.to_cmd_args(own)], {}) == by_itself


@pytest.mark.parametrize("name", NUMBERS)
def test_train_py_takes_what_the_plan_takes_and_no_more(plan, name):
    from training import arguments
    from training.failures import ArgumentError

    folders = ["--dataset", "d", "--weights", "w", "--model-dir", "m", "--output-dir", "o"]
    shares = {"valid-share": 0.05, "test-share": 0.05}
    number = NUMBERS[name]
    nudge = number.step or 1e-7
    for value in (number.least, number.most, number.least - nudge, number.most + nudge, number.least + 0.5):
        given = {**shares, name: value}
        planned = plan({"hyperparameters": given}, images=400)
        try:
            arguments.parse_arguments([*folders, *(f"--{each}={given[each]}" for each in given)], {})
            taken = True
        except ArgumentError:
            taken = False
        assert taken == (not planned["reason"].startswith("bad overrides")), (name, value)


def test_every_backbone_is_known_to_training_and_to_the_estimate():
    from training.models.backbones import BACKBONES

    known = set(CHOICES["backbone"])
    assert known == set(BACKBONES), "CHOICES of contracts/training_job.py differs from BACKBONES"
    assert known == set(GMACS), "CHOICES of contracts/training_job.py differs from GMACS"


@pytest.fixture
def ssm():
    with Stubber(boto3.client("ssm", region_name="eu-west-1")) as stub:
        yield stub


def answer(value):
    return {"Parameter": {"Value": value}}


def test_the_handler_reads_the_pointer_and_plans(monkeypatch, environment, bucket, ssm, champion):
    monkeypatch.setattr(metrics, "namespace", "dropserve")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clients = {"s3": bucket, "ssm": ssm.client, "service-quotas": None}
    monkeypatch.setattr(handler_module, "client", clients.__getitem__)
    monkeypatch.setattr(handler_module, "read_training_quotas", lambda client: TrainingQuotas())
    ssm.add_response("get_parameter", answer(json.dumps(champion)), {"Name": "/dropserve/live"})
    event = {
        "run": {"id": RUN_ID, "bucket": "data-bucket", "key": "drops/x.zip", "version_id": "v1"},
        "overrides": {"backend": None},
        "inspection": {
            "image_count": 40,
            "total_bytes": 4_000_000,
            "dataset_uri": "s3://data-bucket/x.zip",
            "layout_sha256": "5" * 64,
            "folder_sha256": None,
            "findings": "",
        },
    }
    assert handler_module.handler(event, LambdaContext("plan_training"))["champion"] == champion


def test_the_live_pointer(ssm, champion):
    ssm.add_response("get_parameter", answer("{}"))
    assert read_live_pointer("/dropserve/live", ssm=ssm.client) is None
    for text in ("oops", "[]", '{"release": "x"}'):
        ssm.add_response("get_parameter", answer(text))
        with pytest.raises(PointerError, match="/dropserve/live"):
            read_live_pointer("/dropserve/live", ssm=ssm.client)
    ssm.add_client_error("get_parameter", "ParameterNotFound")
    assert read_live_pointer("/dropserve/live", ssm=ssm.client) is None


@pytest.mark.parametrize("name", ["DATA_BUCKET", "USE_SPOT", "AWS_REGION"])
def test_a_missing_setting_is_named(environment, name):
    with pytest.raises(SettingsError, match=name):
        read_settings(environment | {name: " "})


@pytest.mark.parametrize(
    "name, value",
    [
        ("DEFAULT_BACKBONE", "vgg"),
        ("DEFAULT_MIN_ACCURACY", "1.5"),
        ("DEFAULT_MIN_ACCURACY", "nan"),
        ("DEFAULT_MAX_COST_USD", "much"),
        ("USE_SPOT", "yes"),
    ],
)
def test_a_malformed_setting_is_named(environment, name, value):
    with pytest.raises(SettingsError, match=name):
        read_settings(environment | {name: value})


def test_a_serverless_endpoint_is_planned_for_x86_and_costs_nothing_by_the_hour(plan, environment, bucket):
    environment.update(ENDPOINT_KIND="serverless", ENDPOINT_INSTANCE_TYPE="ml.m6g.large")
    made = plan()
    assert (made["endpoint_kind"], made["serverless_memory_mb"], made["serverless_max_concurrency"]) == (
        ("serverless", 3072, 5)
    )
    assert json.loads(made["hyperparameters"]["serving-architecture"]) == "x86_64"
    assert made["estimate"]["endpoint_cost_usd_per_hour"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("ENDPOINT_KIND", "lambda"), ("SERVERLESS_MEMORY_MB", "512"), ("SERVERLESS_MAX_CONCURRENCY", "201")],
)
def test_a_setting_of_the_endpoint_that_cannot_be_is_named(environment, name, value):
    with pytest.raises(SettingsError, match=name):
        read_settings({**environment, name: value})
