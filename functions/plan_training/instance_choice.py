"""Which machine trains: the rules, and nothing but the rules.

The candidates of each backend are ranked: the cheapest CPU type that ends within the hour; the cheapest
GPU type that does (a new account may start no GPU, so CPUs come first); the fastest type; the cheapest type.
The first candidate of SageMaker that the budget allows is taken, else the first of EC2, which costs less an
hour but has no managed spot or metrics. An override of backend or type narrows all this down. A type without
a known price on a backend is no candidate there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from functions.plan_training.instance_types import INSTANCE_TYPES, SPOT_PRICE_FACTOR, Backend, InstanceType
from functions.plan_training.prices import Price
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
    """What a run and its deployment ask of the machine; None leaves the choice to the rules.

    `instance_name` has a known price on the backends asked for: read_overrides() sees to that.
    """

    backend: Backend | None
    instance_name: str | None
    use_spot: bool
    max_cost_usd: float
    region: str


def choose(work: Workload, wishes: Wishes) -> Option:
    """The option that the rules name; when nothing is within the budget, the cheapest there is.

    Spot is for SageMaker only: a managed spot job goes on from its checkpoints, an EC2 instance would not.
    """
    options = []
    for each in BACKENDS if wishes.backend is None else (wishes.backend,):
        options += _rank_candidates(
            [
                _option(work, each, instance, price, wishes.use_spot)
                for instance, price in _priced_instances(work, each, wishes)
            ]
        )
    within_budget = [option for option in options if option.cost_usd <= wishes.max_cost_usd]
    return within_budget[0] if within_budget else min(options, key=lambda option: option.cost_usd)


def _option(work: Workload, backend: Backend, instance: InstanceType, hour: Price, use_spot: bool) -> Option:
    training_s = estimate_training_s(work, instance, backend)
    use_spot = use_spot and backend == "sagemaker"
    return Option(backend, instance, use_spot, training_s, work.instance_count, hour)


def _priced_instances(work: Workload, backend: Backend, wishes: Wishes) -> list[tuple[InstanceType, Price]]:
    """The candidates that have the memory; the one with the most if none has."""
    named = wishes.instance_name
    names = (named,) if named else CANDIDATES
    priced = [
        (instance, price)
        for instance in (INSTANCE_TYPES[name] for name in names)
        if (price := instance.price(backend, wishes.region))
    ]
    roomy = [each for each in priced if named or each[0].memory_gib >= work.memory_gib]
    return roomy or sorted(priced, key=lambda each: each[0].memory_gib)[-1:]


def _rank_candidates(options: Sequence[Option]) -> list[Option]:
    """The options of one backend, the preferred one first; none of none."""
    if not options:
        return []
    cheapest_first = sorted(options, key=lambda option: option.cost_usd)
    acceptable = [option for option in cheapest_first if option.training_s <= MAX_ACCEPTABLE_S]
    on_cpu = [option for option in acceptable if not option.instance.gpu]
    on_gpu = [option for option in acceptable if option.instance.gpu]
    fastest = min(options, key=lambda option: option.training_s)
    return [*on_cpu[:1], *on_gpu[:1], fastest, cheapest_first[0]]
