"""The parts of benchmarks/trust.py by name; each gives its figures and whether they hold what is claimed."""

from collections.abc import Callable
from typing import Any

from benchmarks.support.trust.cleaning import measure_cleaning
from benchmarks.support.trust.cost import measure_cost
from benchmarks.support.trust.drift import measure_drift
from benchmarks.support.trust.label_errors import measure_label_errors
from benchmarks.support.trust.near_duplicates import measure_near_duplicates
from benchmarks.support.trust.unknown import measure_unknown

# A part's figures; `held` among them says whether each claim of it holds.
PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "label_errors": measure_label_errors,
    "near_duplicates": measure_near_duplicates,
    "cleaning": measure_cleaning,
    "doctor_cost": measure_cost,
    "unknown": measure_unknown,
    "drift": measure_drift,
}
