"""A SageMaker that hosts the tiny serving program, and the steps that bring an endpoint up."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_cloud.processes import Processes
from local_cloud.service import AwsError
from local_cloud.services.sagemaker.hosting.fleet import FleetTiming
from local_cloud.services.sagemaker.service import SageMaker, Timing
from local_cloud.services.service_quotas import AccountQuotas
from tests.local_cloud.sagemaker.sagemaker_doubles import (
    IMAGE,
    ROLE,
    FakeAws,
    ServiceApi,
    model_archive,
    write_containers,
)
from tests.support.waiting import wait_until

QUICK = Timing(
    fleet=FleetTiming(poll_s=0.02, drain_s=5.0, ping_every_s=0.1, failed_pings=3, serverless_idle_s=0.5),
    look_after_endpoints_s=0.05,
    metrics_s=0.2,
    invocation_timeout_s=2.0,
    max_invocations_in_flight=4,
)


def aws_with_models() -> FakeAws:
    """An AWS with the archives of three models; the program refuses to start with `broken`."""
    aws = FakeAws()
    for name in ("first", "second", "broken"):
        aws.objects["data"][f"{name}.tar.gz"] = model_archive(name)
    return aws


@contextmanager
def started_sagemaker(folder: Path, aws: FakeAws, quotas: AccountQuotas | None = None) -> Iterator[SageMaker]:
    """A service with processes of its own, ended at the end."""
    processes = Processes()
    service = SageMaker(
        write_containers(folder),
        processes,
        work_dir=folder / "work",
        clients=aws,
        timing=QUICK,
        quotas=quotas,
    )
    try:
        yield service
    finally:
        service.stop()
        processes.close()


def configure(
    api: ServiceApi, name: str, count: int = 1, *, hold: Path | None = None, **variant: Any
) -> None:
    """A model of `<name>.tar.gz` and an endpoint configuration, both called `name`.

    Its program does not begin to serve while there is a file `hold`.
    """
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://data/{name}.tar.gz",
        "Environment": {"MY_SETTING": "1"} | ({"HOLD": str(hold)} if hold else {}),
    }
    api.call("CreateModel", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    production = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        **variant,
    }
    api.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[production])


def settled(api: ServiceApi, name: str = "live") -> dict[str, Any]:
    def check() -> dict[str, Any] | None:
        found = api.call("DescribeEndpoint", EndpointName=name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    return wait_until(check)


def serve(api: ServiceApi, config: str = "first", count: int = 1) -> dict[str, Any]:
    configure(api, config, count)
    api.call("CreateEndpoint", EndpointName="live", EndpointConfigName=config)
    return settled(api)


def answer(api: ServiceApi, body: bytes = b"hello") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(api.invoke("live", body).body)
    return found


def is_served(api: ServiceApi) -> bool:
    """Whether an instance is there; without one the service must say ServiceUnavailable."""
    try:
        return "model" in answer(api)
    except AwsError as error:
        assert error.code == "ServiceUnavailable"
        return False


def asked_at_once(api: ServiceApi, count: int) -> list[str]:
    """So many requests of the endpoint `live` that take half a second: the status or error code of each."""
    codes: list[str] = []

    def ask() -> None:
        try:
            codes.append(str(api.invoke("live", b"wait 0.5").status))
        except AwsError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return codes
