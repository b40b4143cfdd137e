"""What a person may change about one run, checked before anything is paid for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from contracts.training_job import Number
from contracts.workflow import OVERRIDES
from functions.common.errors import DropserveError
from functions.plan_training import hyperparameters
from functions.plan_training.instance_types import INSTANCE_TYPES, Backend

ACCURACY = Number(0, 0, 1)
COST_USD = Number(0, 0, 100_000)
# More would hardly pay: starting, fetching the photos and the head take as long on any number.
INSTANCES = Number(1, 1, 8, step=1)


class BadOverridesError(DropserveError):
    """The overrides cannot be followed; the message names every one that is wrong."""


@dataclass(frozen=True)
class Overrides:
    """The overrides of a run; None where the deployment's own setting holds.

    `instance_name` is as EC2 has it (`m5.xlarge`); a name with `ml.` means SageMaker, and so do several
    instances: they share one training job.
    """

    backend: Backend | None = None
    instance_name: str | None = None
    instance_count: int = 1
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    min_accuracy: float | None = None
    max_cost_usd: float | None = None
    force: bool = False


def read_overrides(given: Mapping[str, Any], *, region: str) -> Overrides:
    """The overrides that an execution's input gives; a null counts as not given.

    `region` is where training is paid for: a type whose price there is not known cannot be held to a budget.

    Raises BadOverridesError, which names each fault and what is allowed.
    """
    values = {name: value for name, value in given.items() if value is not None}
    faults = [
        f"override {name!r} is not known; allowed are {', '.join(OVERRIDES)}"
        for name in values
        if name not in OVERRIDES
    ]
    faults += _machine_faults(values, region) + _number_faults(values) + _instance_count_faults(values)
    training = values.get("hyperparameters", {})
    if isinstance(training, Mapping):
        faults += hyperparameters.find_faults(training)
    else:
        faults.append(f"hyperparameters must be an object of names and values, not {training!r}")
    if not isinstance(values.get("force", False), bool):
        faults.append(f"force must be true or false, not {values['force']!r}")
    if faults:
        raise BadOverridesError("bad overrides: " + "; ".join(faults))
    name = values.get("instance_type")
    count = int(values.get("instance_count", 1))
    return Overrides(
        backend=values.get("backend") or _backend_of(name) or ("sagemaker" if count > 1 else None),
        instance_name=name.removeprefix("ml.") if name else None,
        instance_count=count,
        hyperparameters=training,
        min_accuracy=values.get("min_accuracy"),
        max_cost_usd=values.get("max_cost_usd"),
        force=values.get("force", False),
    )


def _backend_of(instance_type: str | None) -> Backend | None:
    if not instance_type:
        return None
    return "sagemaker" if instance_type.startswith("ml.") else "ec2"


def _machine_faults(values: Mapping[str, Any], region: str) -> list[str]:
    faults = []
    backend, name = values.get("backend"), values.get("instance_type")
    if backend is not None and backend not in get_args(Backend):
        faults.append(f"backend must be one of {', '.join(get_args(Backend))}, not {backend!r}")
    if name is None:
        return faults
    known = [*_priced_names("ec2", region), *_priced_names("sagemaker", region)]
    if name not in known:
        faults.append(f"instance_type must be one of {', '.join(known)}, not {name!r}")
    elif backend in get_args(Backend) and backend != _backend_of(name):
        faults.append(f"instance_type {name!r} is one of {_backend_of(name)}, but backend is {backend!r}")
    return faults


def _priced_names(backend: Backend, region: str) -> list[str]:
    return [each.name_on(backend) for each in INSTANCE_TYPES.values() if each.price(backend, region)]


def _number_faults(values: Mapping[str, Any]) -> list[str]:
    bounds = {"instance_count": INSTANCES, "min_accuracy": ACCURACY, "max_cost_usd": COST_USD}
    faults = {name: bound.fault(values[name]) for name, bound in bounds.items() if name in values}
    return [f"{name} {fault}" for name, fault in faults.items() if fault]


def _instance_count_faults(values: Mapping[str, Any]) -> list[str]:
    name, count = values.get("instance_type"), values.get("instance_count", 1)
    backend = values.get("backend") or (_backend_of(name) if isinstance(name, str) else None)
    if backend != "ec2" or INSTANCES.fault(count) or count == 1:
        return []
    return [f"instance_count is {count}, but EC2 trains on one instance; use backend 'sagemaker'"]
