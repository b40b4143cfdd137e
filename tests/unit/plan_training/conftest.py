"""A small sound dataset, a deployment's settings, and a bucket that keeps what is written."""

from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from contracts.training_job import CHOICES
from functions.plan_training.planning import plan_training
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.settings import read_settings

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
AWS_REGISTRY = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
ENVIRONMENT = {
    "DATA_BUCKET": "data-bucket",
    "ARTIFACTS_BUCKET": "artifacts-bucket",
    "TRAINING_CODE_KEY": "training/sourcedir-abc.tar.gz",
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "ENDPOINT_KIND": "instances",
    "ENDPOINT_INSTANCE_TYPE": "ml.m5.large",
    "SERVERLESS_MEMORY_MB": "3072",
    "SERVERLESS_MAX_CONCURRENCY": "5",
    "SERVING_IMAGE_URI": f"{REGISTRY}/dropserve/serve@sha256:{'1' * 64}",
    "TRAINING_IMAGE_URI": f"{REGISTRY}/dropserve/train@sha256:{'2' * 64}",
    "GPU_TRAINING_IMAGE_URI": f"{AWS_REGISTRY}/pytorch:2.13.0-cu133-amzn2023-sagemaker",
    "DEFAULT_BACKBONE": "efficientnet_lite0",
    "DEFAULT_MIN_ACCURACY": "0.5",
    "DEFAULT_MAX_COST_USD": "5",
    "USE_SPOT": "true",
    "EC2_WITHOUT_QUOTA": "false",
    "NETWORK": "none",
    "VPC_SUBNET_IDS": "",
    "VPC_SECURITY_GROUP_IDS": "",
    "AWS_REGION": "eu-west-1",
}
RUN_ID = "0123456789abcdef0123456789abcdef"
CHAMPION = {
    "release": "dropserve-old",
    "endpoint_name": "dropserve-old",
    "run_id": "f" * 32,
    "model_data_uri": "s3://data-bucket/runs/old/training/old-0/output/model.tar.gz",
    "accuracy": 0.9,
    "exposed_at": "2026-11-20T10:00:00Z",
}
CHAMPION_OBJECT = {"Key": "runs/old/training/old-0/output/model.tar.gz", "StorageClass": "STANDARD"}
PUT_OBJECT = botocore.session.get_session().get_service_model("s3").operation_model("PutObject").input_shape


@dataclass
class Bucket:
    objects: dict[str, bytes] = field(default_factory=dict)
    weights: tuple[str, ...] = CHOICES["backbone"]
    listed: list[dict[str, str]] = field(default_factory=lambda: [dict(CHAMPION_OBJECT)])
    """What is in the data bucket."""

    def put_object(self, **parameters: Any) -> None:
        validate_parameters(parameters, PUT_OBJECT)
        self.objects[parameters["Key"]] = parameters["Body"]

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int = 1000) -> dict[str, Any]:  # noqa: N803
        if Bucket == "data-bucket":
            assert MaxKeys == 1
            return {"Contents": [each for each in self.listed if each["Key"].startswith(Prefix)][:MaxKeys]}
        assert (Bucket, Prefix) == ("artifacts-bucket", "weights/")
        return {"Contents": [{"Key": f"weights/{name}.pth"} for name in self.weights]} if self.weights else {}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def environment() -> dict[str, str]:
    return dict(ENVIRONMENT)


@pytest.fixture
def champion() -> dict[str, Any]:
    return dict(CHAMPION)


@pytest.fixture
def plan(bucket, environment):
    """plan(overrides, images=..., photo_bytes=..., champion=...) -> the plan."""

    def make(
        overrides=None,
        *,
        images=400,
        photo_bytes=60_000,
        champion=None,
        kind="zip",
        findings="",
        quotas=None,
    ):
        key = "snapshots/1/dataset.zip" if kind == "zip" else "snapshots/1/manifest.jsonl"
        request = {
            "run": {"id": RUN_ID, "bucket": "data-bucket", "key": "drops/1.zip", "version_id": "v1"},
            "overrides": overrides or {},
            "inspection": {
                "image_count": images,
                "total_bytes": images * photo_bytes,
                "dataset_uri": f"s3://data-bucket/{key}",
                "layout_sha256": "5" * 64,
                "folder_sha256": None,
                "findings": findings,
            },
        }
        return plan_training(
            request,
            settings=read_settings(environment),
            champion=champion,
            quotas=quotas or TrainingQuotas(),
            s3=bucket,
        )

    return make
