"""What train.py can be told, with defaults and bounds, and how SageMaker's toolkit wants it written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.plan_training.throughput import GMACS


@dataclass(frozen=True)
class Number:
    """A number from `least` to `most`, ends included; with `step`, a whole multiple of it."""

    default: float
    least: float
    most: float
    step: int = 0

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value, as the end of a sentence; None for a good one."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and self.least <= value <= self.most and (not self.step or value % self.step == 0):
            return None
        kind = {0: "a number", 1: "a whole number"}.get(self.step, f"a multiple of {self.step}")
        return f"must be {kind} from {self.least:g} to {self.most:g}, not {value!r}"


# The defaults and bounds of training/arguments.py (a test compares them): a bad value costs no machine.
NUMBERS = {
    "epochs": Number(60, 1, 1000, step=1),
    "batch-size": Number(64, 1, 4096, step=1),
    "learning-rate": Number(0.001, 1e-6, 1),
    "warmup-epochs": Number(1, 0, 100, step=1),
    "weight-decay": Number(0.001, 0, 1),
    "label-smoothing": Number(0.1, 0, 0.5),
    "views": Number(1, 1, 16, step=1),
    "fine-tune": Number(0, 0, 24, step=1),
    "fine-tune-epochs": Number(5, 1, 100, step=1),
    "fine-tune-batch-size": Number(32, 2, 512, step=1),
    "fine-tune-learning-rate": Number(0.0001, 1e-7, 0.1),
    "seed": Number(0, 0, 2**31 - 1, step=1),
    "image-size": Number(224, 64, 640, step=32),
    "valid-share": Number(0.15, 0.05, 0.5),
    "test-share": Number(0.2, 0.05, 0.5),
    "int8-max-accuracy-loss": Number(0.005, 0, 1),
}
MAX_SHARES = 0.8
BACKBONES = tuple(GMACS)
CHOICES = {
    "backbone": BACKBONES,
    "class-weights": ("none", "balanced"),
    "int8": ("auto", "never"),
    # auto: the training machine's own.
    "serving-architecture": ("auto", "x86_64", "arm64"),
}
NAMES = (*CHOICES, *NUMBERS)


def find_faults(given: Mapping[str, Any]) -> list[str]:
    """One phrase for each hyperparameter that is unknown or out of bounds."""
    faults = []
    for name, value in given.items():
        if name in CHOICES:
            allowed = CHOICES[name]
            fault = None if value in allowed else f"must be one of {', '.join(allowed)}, not {value!r}"
        elif name in NUMBERS:
            fault = NUMBERS[name].fault(value)
        else:
            fault = f"is not known; allowed are {', '.join(NAMES)}"
        if fault:
            faults.append(f"hyperparameter {name!r} {fault}")
    shares = [given.get(name, NUMBERS[name].default) for name in ("valid-share", "test-share")]
    if not faults and sum(shares) > MAX_SHARES:
        faults.append(
            f"valid-share and test-share must be at most {MAX_SHARES:g} together, not {sum(shares):g}"
        )
    return faults


def with_defaults(given: Mapping[str, Any], *, backbone: str) -> dict[str, Any]:
    """Every hyperparameter of train.py but the run id; whole numbers as int."""
    values: dict[str, Any] = {name: given.get(name, allowed[0]) for name, allowed in CHOICES.items()}
    values["backbone"] = given.get("backbone", backbone)
    for name, number in NUMBERS.items():
        value = given.get(name, number.default)
        values[name] = int(value) if number.step else value
    return values


def encode(
    values: Mapping[str, Any], *, run_id: str, inspection: Mapping[str, Any], toolkit: Mapping[str, str]
) -> dict[str, str]:
    """CreateTrainingJob's HyperParameters: each value JSON-encoded, as sagemaker-training decodes them.

    `toolkit` are those that sagemaker-training keeps for itself.
    """
    run = {
        "run-id": run_id,
        # Training computes the digest again of what it reads, and refuses what differs.
        "layout-sha256": inspection["layout_sha256"],
        "inspection-findings": inspection["findings"],
    }
    # SageMaker takes 2,500 characters a value, and an ASCII escape makes six or twelve of one.
    return {
        name: json.dumps(value, ensure_ascii=False) for name, value in {**values, **run, **toolkit}.items()
    }
