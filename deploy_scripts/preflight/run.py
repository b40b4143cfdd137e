"""Runs the checks, one after the other; what AWS does not tell is a finding too."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from deploy_scripts.aws import Aws
from deploy_scripts.container_images.provide import ImageBuilder
from deploy_scripts.errors import explain
from deploy_scripts.preflight.checks import (
    buckets,
    budget,
    credentials,
    ec2_quotas,
    endpoint_quota,
    images,
    instance_offerings,
    key,
    lambda_concurrency,
    machine_image,
    model_packages,
    permissions,
    region,
    training_quotas,
    vpc,
)
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

Check = Callable[[Intent], Iterator[Finding]]


@dataclass(frozen=True)
class Step:
    """`on_local`: whether the local cloud can answer; `is_needed`: the others cannot be asked without it."""

    name: str
    check: Check
    on_local: bool = True
    is_needed: bool = False


STEPS = (
    Step("credentials", credentials.check, is_needed=True),
    Step("region", region.check, is_needed=True),
    Step("permissions", permissions.check),
    Step("endpoint instances", endpoint_quota.check),
    Step("training instances", training_quotas.check),
    Step("vCPUs of EC2", ec2_quotas.check),
    Step("Lambda concurrency", lambda_concurrency.check),
    # There, images are programs of this machine, every type is there, and EC2 knows AWS's own images.
    Step("container images", images.check, on_local=False),
    Step("instance types in the region", instance_offerings.check, on_local=False),
    Step("machine image of EC2 training", machine_image.check, on_local=False),
    Step("buckets", buckets.check),
    Step("default VPC", vpc.check_default),
    Step("VPC", vpc.check),
    Step("key", key.check),
    Step("model package group", model_packages.check),
    # Nothing costs there.
    Step("budget", budget.check, on_local=False),
)


def run_preflight(
    aws: Aws, parameters: Mapping[str, str], *, image_builder: ImageBuilder, say: Callable[[str], None]
) -> list[Finding]:
    """What every check found; the checks end at the first one without which the others cannot ask."""
    intent = Intent(aws, parameters, image_builder)
    findings: list[Finding] = []
    for step in STEPS:
        if aws.is_local and not step.on_local:
            continue
        say(step.name)
        found = list(_asked(step, intent))
        findings += found
        if step.is_needed and any(each.status == "fail" for each in found):
            break
    return findings


def _asked(step: Step, intent: Intent) -> Iterator[Finding]:
    """A check that AWS refuses, throttles or does not answer is not known, and never ok."""
    try:
        yield from step.check(intent)
    except (ClientError, BotoCoreError) as error:
        told = explain(error)
        yield Finding(step.name, "warn", f"Not known: {told.message}", told.advice)
