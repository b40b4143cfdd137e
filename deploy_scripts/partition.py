"""The partition of a region (AWS, AWS China, AWS GovCloud and others), by botocore's own list.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Partition:
    """`name` as ARNs have it, `dns_suffix` as hosts have it: `aws` and `amazonaws.com`."""

    name: str
    dns_suffix: str


@cache
def partition_of(region: str) -> Partition:
    """Raises botocore's UnknownRegionError for a region of no partition."""
    import botocore.session  # noqa: PLC0415 - 0.1 s that `--help` need not pay

    session = botocore.session.get_session()
    name = session.get_partition_for_region(region)
    for each in session.get_component("data_loader").load_data("partitions")["partitions"]:
        if each["id"] == name:
            return Partition(name, each["outputs"]["dnsSuffix"])
    raise ValueError(f"botocore's partitions.json lacks {name}")


def in_partition(state_machine: str, partition: Partition) -> str:
    """A definition whose Tasks name this partition's integrations: `arn:aws-cn:states:::lambda:invoke`."""
    return state_machine.replace('"arn:aws:states:::', f'"arn:{partition.name}:states:::')
