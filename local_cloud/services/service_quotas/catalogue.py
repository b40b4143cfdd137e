"""The quotas that this cloud knows: their names on AWS, AWS's defaults, what two kinds of account have."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from botocore.model import StringShape

from local_cloud.botocore_sessions import new_session

USUAL, NEW_ACCOUNT = "usual", "new-account"
# What a laptop can hold; and what a new account had by public reports of 2026-07-31: others may differ.
QUOTA_SETS = (USUAL, NEW_ACCOUNT)

SAGEMAKER, LAMBDA, EC2, CODEBUILD = "sagemaker", "lambda", "ec2", "codebuild"
SERVICE_NAMES = {
    SAGEMAKER: "Amazon SageMaker",
    LAMBDA: "AWS Lambda",
    EC2: "Amazon Elastic Compute Cloud (Amazon EC2)",
    CODEBUILD: "AWS CodeBuild",
}
CONCURRENT_EXECUTIONS = "Concurrent executions"
SERVERLESS_CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"
STANDARD_VCPUS = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
GPU_VCPUS = "Running On-Demand G and VT instances"

# Usage that SageMaker counts an instance type by -> the shape of botocore's model with the types.
_SAGEMAKER_USAGES = {
    "endpoint usage": "ProductionVariantInstanceType",
    "training job usage": "TrainingInstanceType",
    "spot training job usage": "TrainingInstanceType",
}
# A few processes are as many as a laptop can still hold.
_USUAL_INSTANCES = {"endpoint usage": 20.0, "training job usage": 8.0, "spot training job usage": 8.0}
_NEW_ACCOUNT_INSTANCES = {
    "ml.t2.medium for endpoint usage": 2.0,
    "ml.m6g.large for endpoint usage": 2.0,
    "ml.m6g.xlarge for endpoint usage": 1.0,
}


@dataclass(frozen=True)
class Quota:
    """One quota: `default` is AWS's own, `applied` what an account of each set has."""

    service_code: str
    name: str
    code: str
    default: float
    applied: Mapping[str, float] = field(default_factory=dict)


def _stand_in_code(name: str) -> str:
    """In the form of AWS's codes, and none of them: a client looks a code up by the quota's name."""
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


# https://docs.aws.amazon.com/general/latest/gr/lambda-service.html, ec2-service.html and codebuild.html
_OTHERS = (
    Quota(LAMBDA, CONCURRENT_EXECUTIONS, "L-B99A9384", 1000.0, {USUAL: 1000.0, NEW_ACCOUNT: 10.0}),
    Quota(EC2, STANDARD_VCPUS, "L-1216C47A", 5.0, {USUAL: 64.0, NEW_ACCOUNT: 5.0}),
    Quota(EC2, GPU_VCPUS, "L-DB2E81BA", 0.0, {USUAL: 64.0, NEW_ACCOUNT: 0.0}),
    Quota(
        CODEBUILD,
        "Concurrently running builds for Linux/Small environment",
        "L-9D07B6EF",
        1.0,
        {USUAL: 1.0, NEW_ACCOUNT: 0.0},
    ),
    Quota(
        CODEBUILD,
        "Concurrently running builds for ARM/Small environment",
        "L-5ED1D25B",
        1.0,
        {USUAL: 1.0, NEW_ACCOUNT: 0.0},
    ),
)


@cache
def quotas_of(service_code: str) -> dict[str, Quota]:
    """Code -> quota of a service; empty for a service without any here."""
    found = [quota for quota in _OTHERS if quota.service_code == service_code]
    if service_code == SAGEMAKER:
        found = _sagemaker_quotas()
    return {quota.code: quota for quota in found}


@cache
def find_quota(service_code: str, name: str) -> Quota:
    """The quota of that name. Raises KeyError."""
    return {quota.name: quota for quota in quotas_of(service_code).values()}[name]


def instance_quota_name(instance_type: str, usage: str) -> str:
    """As SageMaker calls it: `ml.m5.large for endpoint usage`."""
    return f"{instance_type} for {usage}"


def _sagemaker_quotas() -> list[Quota]:
    # By public reports an account began with a concurrency of 10 for its serverless endpoints.
    return [
        _instance_quota(instance_quota_name(instance_type, usage), usage)
        for usage, shape in _SAGEMAKER_USAGES.items()
        for instance_type in _enumeration(shape)
    ] + [Quota(SAGEMAKER, SERVERLESS_CONCURRENCY, "L-96300102", 10.0, {USUAL: 20.0, NEW_ACCOUNT: 10.0})]


def _instance_quota(name: str, usage: str) -> Quota:
    new = _NEW_ACCOUNT_INSTANCES.get(name, 0.0)
    applied = {USUAL: _USUAL_INSTANCES[usage], NEW_ACCOUNT: new}
    return Quota(SAGEMAKER, name, _stand_in_code(name), new, applied)


def _enumeration(shape_name: str) -> list[str]:
    shape = new_session().get_service_model(SAGEMAKER).shape_for(shape_name)
    assert isinstance(shape, StringShape)  # noqa: S101 - for mypy
    return list(shape.enum)
