"""Which machine trains: the rules, and nothing but the rules.

The candidates of each backend are ranked: the cheapest CPU type that ends within the hour; the cheapest
GPU type that does (a new account may start no GPU, so CPUs come first); the fastest type; the cheapest type.
The first candidate of SageMaker that the budget allows is taken, else the first of EC2, which costs less an
hour but has no managed spot or metrics. An override of backend or type narrows all this down, and so do the
account's quotas: where they allow no instance of SageMaker, EC2 is taken only if the deployment says so. A
type without a known price on a backend is no candidate there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from functions.common.errors import DropserveError
from functions.common.prices import REFERENCE_REGION, Price
from functions.common.service_quotas import Quota
from functions.plan_training.instance_types import INSTANCE_TYPES, SPOT_PRICE_FACTOR, Backend, InstanceType
from functions.plan_training.quotas import TrainingQuotas, quota_need
from functions.plan_training.throughput import Workload, estimate_training_s

MAX_ACCEPTABLE_S = 3600.0
# Not the burstable t3, which slow down when their credits are used up; they can be asked for by name.
CANDIDATES = (
    "m5.xlarge",
    "c5.xlarge",
    "c5.2xlarge",
    "c5.4xlarge",
    "c5.9xlarge",
    "g4dn.xlarge",
    "g4dn.2xlarge",
    "g5.xlarge",
    "g5.2xlarge",
)
BACKENDS: tuple[Backend, ...] = ("sagemaker", "ec2")


@dataclass(frozen=True)
class Option:
    """One way to train, with its price: `cost_usd` for `training_s` seconds at `usd_per_hour`.

    The price is that of all `instance_count` instances, each of which is paid for until the job ends.
    """

    backend: Backend
    instance: InstanceType
    use_spot: bool
    training_s: float
    instance_count: int
    hour: Price

    @property
    def usd_per_hour(self) -> float:
        spot = SPOT_PRICE_FACTOR if self.use_spot else 1.0
        return self.hour.usd * self.instance_count * spot

    @property
    def cost_usd(self) -> float:
        return self.usd_per_hour * self.training_s / 3600


@dataclass(frozen=True)
class Wishes:
    """What a person and the deployment allow; None where the rules decide.

    Spot is for SageMaker only: a managed spot job goes on from its checkpoints, an EC2 instance would not.
    `instance_name` has a known price on the backends asked for: read_overrides() sees to that.
    `ec2_without_quota`: EC2 may take what SageMaker's quotas do not allow. Without `gpus` a type with one is
    taken only where it is named. `region` is what is paid for.
    """

    max_cost_usd: float
    use_spot: bool = False
    backend: Backend | None = None
    instance_name: str | None = None
    ec2_without_quota: bool = False
    gpus: bool = True
    region: str = REFERENCE_REGION


class NoQuotaError(DropserveError):
    """The account's quotas allow no candidate: `quota` is that of the preferred one, which needs `needed`."""

    def __init__(self, quota: Quota, needed: int) -> None:
        super().__init__(f"the quota {quota.name!r} is {quota.value:g}, and {needed} are needed")
        self.quota = quota
        self.needed = needed


def choose(work: Workload, wishes: Wishes, quotas: TrainingQuotas) -> Option:
    """The option that the rules name; when nothing is within the budget, the cheapest there is.

    Raises NoQuotaError when the account may start none.
    """
    options: list[Option] = []
    lacking: list[NoQuotaError] = []
    for backend in BACKENDS if wishes.backend is None else (wishes.backend,):
        if lacking and not wishes.ec2_without_quota:
            break
        every = _options(work, backend, wishes, quotas)
        allowed = [option for option in every if not _lacking(option, quotas)]
        options += _rank_candidates(allowed)
        if every and not allowed:
            preferred = _rank_candidates(every)[0]
            needed = quota_need(preferred.instance, backend, instance_count=preferred.instance_count)
            lacking += [NoQuotaError(quota, needed) for quota in [_lacking(preferred, quotas)] if quota]
    if not options:
        raise lacking[0]
    within_budget = [option for option in options if option.cost_usd <= wishes.max_cost_usd]
    return within_budget[0] if within_budget else min(options, key=lambda option: option.cost_usd)


def _options(work: Workload, backend: Backend, wishes: Wishes, quotas: TrainingQuotas) -> list[Option]:
    return [
        _with_spot(Option(backend, instance, False, training_s, work.instance_count, hour), wishes, quotas)
        for instance, hour in _priced_instances(work, backend, wishes)
        for training_s in [estimate_training_s(work, instance, backend)]
    ]


def _with_spot(option: Option, wishes: Wishes, quotas: TrainingQuotas) -> Option:
    """On spot where that is wished for and its own quota allows it, else on demand."""
    if not wishes.use_spot or option.backend != "sagemaker":
        return option
    on_spot = replace(option, use_spot=True)
    return option if _lacking(on_spot, quotas) and not _lacking(option, quotas) else on_spot


def _lacking(option: Option, quotas: TrainingQuotas) -> Quota | None:
    """The quota that does not allow the option."""
    return quotas.lacking(
        option.instance, option.backend, use_spot=option.use_spot, instance_count=option.instance_count
    )


def _priced_instances(work: Workload, backend: Backend, wishes: Wishes) -> list[tuple[InstanceType, Price]]:
    """The candidates that have the memory; the one with the most if none has."""
    named = wishes.instance_name
    names = (named,) if named else CANDIDATES
    priced = [
        (instance, price)
        for instance in (INSTANCE_TYPES[name] for name in names)
        if (price := instance.price(backend, wishes.region)) and (named or wishes.gpus or not instance.gpu)
    ]
    roomy = [each for each in priced if named or each[0].memory_gib >= work.memory_gib]
    return roomy or sorted(priced, key=lambda each: each[0].memory_gib)[-1:]


def _rank_candidates(options: Sequence[Option]) -> list[Option]:
    """The options of one backend, the preferred one first; of none, none."""
    if not options:
        return []
    cheapest_first = sorted(options, key=lambda option: option.cost_usd)
    acceptable = [option for option in cheapest_first if option.training_s <= MAX_ACCEPTABLE_S]
    on_cpu = [option for option in acceptable if not option.instance.gpu]
    on_gpu = [option for option in acceptable if option.instance.gpu]
    fastest = min(options, key=lambda option: option.training_s)
    return [*on_cpu[:1], *on_gpu[:1], fastest, cheapest_first[0]]
