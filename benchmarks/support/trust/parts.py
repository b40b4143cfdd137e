"""The parts of benchmarks/trust.py by name; each gives its figures and whether they hold what is claimed."""

from collections.abc import Callable
from typing import Any

from benchmarks.support.trust.unknown import measure_unknown

# A part's figures; `held` among them says whether each claim of it holds.
PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "unknown": measure_unknown,
}
