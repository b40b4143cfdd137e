"""What runs have left behind: it belongs to no live release, and to no run that goes on."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from contracts.workflow import RUN_TAG
from deploy_scripts.costs.component import DatedPrices
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import (
    Live,
    list_endpoint_configs,
    list_endpoints,
    list_models,
    read_live,
)
from deploy_scripts.operations.releases.removal import Say, delete_endpoint, running_instances
from deploy_scripts.operations.runs.ledger import LedgerItem, read_ledger
from functions.common.prices import HOURS_A_MONTH

Kind = Literal["endpoint", "endpoint config", "model", "instance", "training job"]


@dataclass(frozen=True)
class Leftover:
    """`usd_a_month` is what it costs while it stands, by list price; None where no price is known."""

    kind: Kind
    name: str
    usd_a_month: float | None
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def find_leftovers(deployment: Deployment) -> list[Leftover]:
    """What costs most comes first. What the stack owns is none of it."""
    live, ledger = read_live(deployment), read_ledger(deployment)
    running = {item.run.run_id for item in ledger if item.run.status == "running"}
    needed = _needed_releases(deployment, live, running)
    found = [
        *(_endpoint(deployment, name) for name in list_endpoints(deployment) if name not in needed),
        *_instances(deployment, ledger, running),
        *_training_jobs(deployment, running),
        *(
            Leftover("endpoint config", name, 0.0)
            for name in list_endpoint_configs(deployment)
            if name not in needed
        ),
        *(Leftover("model", name, 0.0) for name in list_models(deployment) if name not in needed),
    ]
    # Of two that cost nothing, an endpoint config goes before its model.
    return sorted(found, key=lambda each: -(each.usd_a_month or 0.0))


def remove(deployment: Deployment, leftover: Leftover, say: Say) -> None:
    """Raises CliError for an endpoint that does not settle, and botocore's errors."""
    aws, name = deployment.aws, leftover.name
    match leftover.kind:
        case "endpoint":
            delete_endpoint(aws, name, say)
            return
        case "instance":
            aws.ec2.terminate_instances(InstanceIds=[name])
        case "training job":
            aws.sagemaker.stop_training_job(TrainingJobName=name)
        case "endpoint config":
            aws.sagemaker.delete_endpoint_config(EndpointConfigName=name)
        case "model":
            aws.sagemaker.delete_model(ModelName=name)
    say(f"Removed the {leftover.kind} {name}")


def _needed_releases(deployment: Deployment, live: Live | None, running: set[str]) -> set[str]:
    """The names of the live release, of what runs deploy now, and of what they may go back to."""
    needed = {f"{deployment.aws.stack}-{run_id}" for run_id in running}
    if live:
        needed |= {live.release, live.endpoint_name}
        if running and live.previous_endpoint_name:
            needed.add(live.previous_endpoint_name)
    return needed


def _endpoint(deployment: Deployment, name: str) -> Leftover:
    sagemaker = deployment.aws.sagemaker
    described = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    instance_type = config["ProductionVariants"][0].get("InstanceType")
    if instance_type is None:
        return Leftover("endpoint", name, 0.0, "serverless: paid by the request")
    count = sum(each.get("CurrentInstanceCount", 0) for each in described.get("ProductionVariants", []))
    usd = _usd_a_month(deployment, f"sagemaker-hosting/{instance_type}", count)
    return Leftover("endpoint", name, usd, f"{count} x {instance_type}, {described['EndpointStatus']}")


def _instances(deployment: Deployment, ledger: list[LedgerItem], running: set[str]) -> Iterator[Leftover]:
    """By their tag; those of another deployment have runs that this ledger does not know."""
    ended = {item.run.run_id for item in ledger} - running
    for instance in running_instances(deployment.aws, {"Name": "tag-key", "Values": [RUN_TAG]}):
        tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
        if tags.get(RUN_TAG) in ended:
            usd = _usd_a_month(deployment, f"ec2/{instance['InstanceType']}", 1)
            detail = f"{instance['InstanceType']} of run {tags[RUN_TAG]}"
            yield Leftover("instance", instance["InstanceId"], usd, detail)


def _training_jobs(deployment: Deployment, running: set[str]) -> Iterator[Leftover]:
    stack = deployment.aws.stack
    pages = deployment.aws.sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=f"{stack}-", StatusEquals="InProgress"
    )
    for job in (each for page in pages for each in page["TrainingJobSummaries"]):
        name = job["TrainingJobName"]
        release = name[: len(stack) + 33]
        if deployment.is_release(release) and release.removeprefix(f"{stack}-") not in running:
            hours = (datetime.now(UTC) - job["CreationTime"]).total_seconds() / 3600
            yield Leftover("training job", name, None, f"for {hours:.1f} hours")


def _usd_a_month(deployment: Deployment, price_name: str, count: int) -> float | None:
    price = DatedPrices(deployment.aws.region).find(price_name)
    return round(price.usd * count * HOURS_A_MONTH, 2) if price else None
