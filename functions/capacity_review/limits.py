"""How far a review may go: the person's limits, the account's, and which of them held something back."""

from dataclasses import dataclass, replace

from functions.common.applied_capacity import Capacity


@dataclass(frozen=True)
class Limits:
    """`max_*` and `monthly_usd` (0: none) are the person's; the others the account's, None where not known.

    `reservable`: executions that may be reserved for this function, its own included.
    """

    max_reserved: int
    max_provisioned: int
    max_instances: int
    monthly_usd: float
    reservable: int | None = None
    instance_quota: int | None = None

    @property
    def reserved(self) -> int:
        return self.max_reserved if self.reservable is None else min(self.max_reserved, self.reservable)

    @property
    def instances(self) -> int:
        quota = self.instance_quota
        return self.max_instances if quota is None else max(1, min(self.max_instances, quota))


def within(wanted: Capacity, limits: Limits) -> tuple[Capacity, list[str]]:
    """The nearest capacity that the limits allow, and a sentence for each that held it back."""
    notes = []
    reserved = min(wanted.reserved_concurrency, limits.reserved)
    if reserved < wanted.reserved_concurrency:
        whose = "CapacityMaxReserved" if limits.reserved == limits.max_reserved else "the account's room"
        notes.append(f"reserved concurrency {wanted.reserved_concurrency} is held to {reserved} by {whose}")
    provisioned = min(wanted.provisioned_concurrency, limits.max_provisioned, reserved)
    if provisioned < wanted.provisioned_concurrency:
        notes.append(
            f"provisioned concurrency {wanted.provisioned_concurrency} is held to {provisioned} by "
            + ("CapacityMaxProvisioned" if provisioned == limits.max_provisioned else "what is reserved")
        )
    most = min(wanted.max_instances, limits.instances)
    if most < wanted.max_instances:
        whose = "CapacityMaxInstances" if most == limits.max_instances else "the account's quota of instances"
        notes.append(f"{wanted.max_instances} instances are held to {most} by {whose}")
    allowed = replace(
        wanted,
        reserved_concurrency=reserved,
        provisioned_concurrency=provisioned,
        max_instances=most,
        min_instances=min(wanted.min_instances, most),
    )
    return allowed, notes
