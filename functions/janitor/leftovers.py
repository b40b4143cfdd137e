"""What runs have left behind: it belongs to no live release, and to no run that goes on."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from contracts.workflow import NO_ENDPOINT, RUN_TAG, is_release, release_of
from functions.common.live_pointer import read_live_pointer
from functions.common.prices import HOURS_A_MONTH, find_price
from functions.janitor.runs import Runs, read_runs
from functions.janitor.standing import list_endpoint_configs, list_endpoints, list_models, running_instances

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


@dataclass(frozen=True)
class Clients:
    """Those of AWS that are read."""

    sagemaker: Any
    ec2: Any
    dynamodb: Any
    stepfunctions: Any
    ssm: Any


@dataclass(frozen=True)
class Janitor:
    """Looks at one deployment: its stack's name, and where its ledger and its live pointer are."""

    stack: str
    region: str
    ledger_table: str
    live_pointer_parameter: str
    clients: Clients

    def find_leftovers(self) -> list[Leftover]:
        """What costs most comes first. What the stack owns is none of it.

        Raises PointerError where the live pointer cannot be understood, and botocore's errors.
        """
        clients = self.clients
        # Ledger and pointer are read last: what a run makes meanwhile must not be taken for one that it left.
        endpoints = list_endpoints(self.stack, sagemaker=clients.sagemaker)
        configs = list_endpoint_configs(self.stack, sagemaker=clients.sagemaker)
        models = list_models(self.stack, sagemaker=clients.sagemaker)
        instances = list(running_instances({"Name": "tag-key", "Values": [RUN_TAG]}, ec2=clients.ec2))
        jobs = self._training_jobs()
        runs = read_runs(self.ledger_table, dynamodb=clients.dynamodb, stepfunctions=clients.stepfunctions)
        needed = self._needed_releases(runs)
        found = [
            *self._endpoints(name for name in endpoints if name not in needed),
            *self._instances(instances, runs),
            *self._ended_jobs(jobs, runs),
            *(Leftover("endpoint config", name, 0.0) for name in configs if name not in needed),
            *(Leftover("model", name, 0.0) for name in models if name not in needed),
        ]
        # Of two that cost nothing, an endpoint config goes before its model.
        return sorted(found, key=lambda each: -(each.usd_a_month or 0.0))

    def _needed_releases(self, runs: Runs) -> set[str]:
        """The names of the live release, of what runs deploy now, and of what they may go back to."""
        needed = {release_of(self.stack, run_id) for run_id in runs.running}
        pointer = read_live_pointer(self.live_pointer_parameter, ssm=self.clients.ssm)
        if pointer:
            needed |= {pointer["release"], pointer["endpoint_name"]}
            previous = (pointer.get("previous") or {}).get("endpoint_name")
            if runs.running and previous:
                needed.add(previous)
        return needed

    def _endpoints(self, names: Iterator[str]) -> Iterator[Leftover]:
        sagemaker = self.clients.sagemaker
        for name in names:
            try:
                described = sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                # A run has torn it down since it was listed.
                if NO_ENDPOINT in error.response["Error"]["Message"]:
                    continue
                raise
            config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
            variant = config["ProductionVariants"][0]
            instance_type = variant.get("InstanceType")
            if instance_type is None:
                yield Leftover("endpoint", name, 0.0, "serverless: paid by the request")
                continue
            count = _instance_count(described, variant)
            usd = self._usd_a_month(f"sagemaker-hosting/{instance_type}", count)
            yield Leftover("endpoint", name, usd, f"{count} x {instance_type}, {described['EndpointStatus']}")

    def _instances(self, instances: list[dict[str, Any]], runs: Runs) -> Iterator[Leftover]:
        """Those of another deployment have runs that this ledger does not know."""
        for instance in instances:
            run_id = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}.get(RUN_TAG)
            if run_id in runs.ended:
                usd = self._usd_a_month(f"ec2/{instance['InstanceType']}", 1)
                detail = f"{instance['InstanceType']} of run {run_id}"
                yield Leftover("instance", instance["InstanceId"], usd, detail)

    def _training_jobs(self) -> list[dict[str, Any]]:
        pages = self.clients.sagemaker.get_paginator("list_training_jobs").paginate(
            NameContains=f"{self.stack}-", StatusEquals="InProgress"
        )
        return [each for page in pages for each in page["TrainingJobSummaries"]]

    def _ended_jobs(self, jobs: list[dict[str, Any]], runs: Runs) -> Iterator[Leftover]:
        prefix = release_of(self.stack, "")
        for job in jobs:
            # The release, and which job of it.
            release = job["TrainingJobName"][: len(prefix) + 32]
            if is_release(self.stack, release) and release.removeprefix(prefix) not in runs.running:
                hours = (datetime.now(UTC) - job["CreationTime"]).total_seconds() / 3600
                yield Leftover("training job", job["TrainingJobName"], None, f"for {hours:.1f} hours")

    def _usd_a_month(self, price_name: str, count: int) -> float | None:
        price = find_price(price_name, self.region)
        return round(price.usd * count * HOURS_A_MONTH, 2) if price else None


def _instance_count(endpoint: Mapping[str, Any], variant: Mapping[str, Any]) -> int:
    """How many instances serve an endpoint; of one that is being created, how many are about to.

    DescribeEndpoint tells of no variant before the endpoint is in service:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
    """
    if endpoint["EndpointStatus"] == "Creating":
        return int(variant.get("InitialInstanceCount", 0))
    return sum(each.get("CurrentInstanceCount", 0) for each in endpoint.get("ProductionVariants", []))
