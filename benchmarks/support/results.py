"""The results of the benchmarks on disk, and the pages with tables of them, which change with them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.support import results_table
from benchmarks.support.capacity import table as capacity_table
from benchmarks.support.processes import BENCHMARKS
from benchmarks.support.trust import table as trust_table

RESULTS = BENCHMARKS / "results"
PAGE = BENCHMARKS.parent / "docs" / "benchmarks.md"
CAPACITY_PAGE = BENCHMARKS.parent / "docs" / "capacity.md"
UNKNOWN_PAGE = BENCHMARKS.parent / "docs" / "unknown.md"
DRIFT_PAGE = BENCHMARKS.parent / "docs" / "drift.md"


def write_results(file: Path, results: Mapping[str, Any]) -> None:
    """Write a script's figures to `file`; if that is where the page's come from, put them there as well.

    At once: a later script that fails, or is never run, must not leave a page that says something else.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"written: {file}")
    if file.parent.resolve() == RESULTS.resolve():
        results_table.update(PAGE, RESULTS)
        capacity_table.update(CAPACITY_PAGE, RESULTS)
        trust_table.update(PAGE, UNKNOWN_PAGE, DRIFT_PAGE, RESULTS)
