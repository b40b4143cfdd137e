"""The results of the benchmarks on disk, and the README's table of them, which changes with them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.support import readme_table
from benchmarks.support.processes import BENCHMARKS

RESULTS = BENCHMARKS / "results"
README = BENCHMARKS.parent / "README.md"


def write_results(file: Path, results: Mapping[str, Any]) -> None:
    """Write a script's figures to `file`; if that is where the README's come from, put them there as well.

    At once: a later script that fails, or is never run, must not leave a README that says something else.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"written: {file}")
    if file.parent.resolve() == RESULTS.resolve():
        readme_table.update(README, RESULTS)
