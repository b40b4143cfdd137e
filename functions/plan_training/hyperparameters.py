"""A run's hyperparameters: those that are given checked, and written as SageMaker's toolkit wants them."""

import json
from collections.abc import Mapping
from typing import Any

from contracts.training_job import CHOICES, HYPERPARAMETERS, NUMBERS, shares_fault
from drops.text import printable

# A quote or a backslash becomes two, and SageMaker takes 2,500 characters a value.
_DROP_CHARACTERS = 1200


def find_faults(given: Mapping[str, Any]) -> list[str]:
    """One phrase for each hyperparameter that is unknown or out of bounds: a bad value costs no machine."""
    faults = []
    for name, value in given.items():
        if name in CHOICES:
            allowed = CHOICES[name]
            fault = None if value in allowed else f"must be one of {', '.join(allowed)}, not {value!r}"
        elif name in NUMBERS:
            fault = NUMBERS[name].fault(value)
        else:
            fault = f"is not known; allowed are {', '.join(HYPERPARAMETERS)}"
        if fault:
            faults.append(f"hyperparameter {name!r} {fault}")
    if not faults and (fault := shares_fault(given)):
        faults.append(fault)
    return faults


def with_defaults(given: Mapping[str, Any], *, backbone: str) -> dict[str, Any]:
    """Every hyperparameter of train.py but the run id; whole numbers as int."""
    values: dict[str, Any] = {name: given.get(name, allowed[0]) for name, allowed in CHOICES.items()}
    values["backbone"] = given.get("backbone", backbone)
    return values | {name: number.typed(given.get(name, number.default)) for name, number in NUMBERS.items()}


def encode(
    values: Mapping[str, Any],
    *,
    run: Mapping[str, Any],
    inspection: Mapping[str, Any],
    machine: str,
    toolkit: Mapping[str, str],
) -> dict[str, str]:
    """CreateTrainingJob's HyperParameters: each value JSON-encoded, as sagemaker-training decodes them.

    `toolkit` are those that sagemaker-training keeps for itself; `machine` says what trains.
    """
    of_the_run = {
        "run-id": run["id"],
        # Training computes the digest again of what it reads, and refuses what differs.
        "layout-sha256": inspection["layout_sha256"],
        "inspection-findings": inspection["findings"],
        "drop": printable(f"s3://{run['bucket']}/{run['key']}", _DROP_CHARACTERS),
        "drop-version": inspection["folder_sha256"] or run["version_id"] or "",
        "machine": machine,
    }
    # SageMaker takes 2,500 characters a value, and an ASCII escape makes six or twelve of one.
    return {
        name: json.dumps(value, ensure_ascii=False)
        for name, value in {**values, **of_the_run, **toolkit}.items()
    }
