"""Instance types that the region has at all. SageMaker tells none; its hardware is EC2's."""

from collections.abc import Iterator

from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from functions.plan_training.instance_choice import CANDIDATES

ENDPOINT_NAME, TRAINING_NAME = "endpoint type in the region", "training types in the region"


def check(intent: Intent) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html"""
    endpoint = intent.endpoint_type.removeprefix("ml.")
    pages = intent.aws.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="region",
        Filters=[{"Name": "instance-type", "Values": sorted({endpoint, *CANDIDATES})}],
    )
    offered: set[str] = {each["InstanceType"] for page in pages for each in page["InstanceTypeOfferings"]}
    region = intent.aws.region
    if intent.is_serverless:
        yield Finding(ENDPOINT_NAME, "ok", "a serverless endpoint has no instance type")
    elif endpoint in offered:
        yield Finding(ENDPOINT_NAME, "ok", f"{region} has {endpoint}")
    else:
        yield Finding(
            ENDPOINT_NAME, "fail", f"{region} has no {endpoint}.", "Name another EndpointInstanceType."
        )
    missing = [name for name in CANDIDATES if name not in offered]
    if len(missing) == len(CANDIDATES):
        found = f"{region} has none of {', '.join(missing)}."
        yield Finding(TRAINING_NAME, "fail", found, "Use another --region.")
    elif missing:
        found = f"{region} has no {', '.join(missing)}: a run that would train there fails."
        yield Finding(TRAINING_NAME, "warn", found, "Name another type for such a run: --instance-type.")
    else:
        yield Finding(TRAINING_NAME, "ok", f"{region} has all {len(CANDIDATES)}")
