"""What stands of a deployment: by the names of its releases, and by the tag of its runs."""

from collections.abc import Iterator
from typing import Any

from contracts.workflow import is_release


def list_endpoints(stack: str, *, sagemaker: Any) -> list[str]:
    """Those that go already are left out: nothing can be done to them any more."""
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=stack)
    endpoints = [each for page in pages for each in page["Endpoints"]]
    staying = [each["EndpointName"] for each in endpoints if each["EndpointStatus"] != "Deleting"]
    return _releases(stack, staying)


def list_endpoint_configs(stack: str, *, sagemaker: Any) -> list[str]:
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=stack)
    return _releases(
        stack, [each["EndpointConfigName"] for page in pages for each in page["EndpointConfigs"]]
    )


def list_models(stack: str, *, sagemaker: Any) -> list[str]:
    pages = sagemaker.get_paginator("list_models").paginate(NameContains=stack)
    return _releases(stack, [each["ModelName"] for page in pages for each in page["Models"]])


def running_instances(tag: dict[str, Any], *, ec2: Any) -> Iterator[dict[str, Any]]:
    """The instances of EC2 that run, or are about to, of those that the filter of tags lets through."""
    running = {"Name": "instance-state-name", "Values": ["pending", "running"]}
    for page in ec2.get_paginator("describe_instances").paginate(Filters=[tag, running]):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def _releases(stack: str, names: list[str]) -> list[str]:
    """AWS matches a part of the name anywhere; only whole release names are this deployment's."""
    return sorted(name for name in names if is_release(stack, name))
