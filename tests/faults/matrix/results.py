"""What came of all cases, in benchmarks/results/faults.json and in docs/faults.md, which quotes it."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.support.machine import describe_machine
from benchmarks.support.marked_block import write_block
from benchmarks.support.results import RESULTS

FILE = RESULTS / "faults.json"
PAGE = RESULTS.parents[1] / "docs" / "faults.md"


def summary(seen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of a run of `make faults`; `seen` has what each case tells."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    revision = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "machine": describe_machine(),
        "revision": revision,
        "cases": len(seen),
        "as_expected": sum(each["expected"] for each in seen),
        "leaks": sum(each["leaks"] for each in seen),
        "left_where_removal_was_refused": sum(each["kept"] for each in seen),
        "questions": sum(each["answers"] for each in seen),
        "seconds": round(sum(each["seconds"] for each in seen)),
        "kinds": _counted(seen, "kind"),
        "stages": _counted(seen, "stage"),
        "ends": _counted(seen, "end"),
        "not_as_expected": sorted(each["name"] for each in seen if not each["expected"]),
    }


def _counted(seen: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    return dict(sorted(Counter(each[name] for each in seen).items()))


def write(results: Mapping[str, Any], file: Path = FILE, page: Path = PAGE) -> None:
    """Write the figures, and the page with them."""
    file.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    write_block(page, "faults", render(results))


def render(results: Mapping[str, Any]) -> str:
    """Markdown: a sentence and a table of the kinds."""
    machine = results["machine"]
    lines = [
        f"At revision {results['revision']}, on {machine['processor']} ({machine['cores']} cores): "
        f"{results['as_expected']} of {results['cases']} cases ended as they have to, "
        f"with {results['leaks']} leaks; the client asked {results['questions']} times.",
        "",
        "| kind of fault | cases |",
        "|---|---:|",
        *(f"| {kind} | {count} |" for kind, count in results["kinds"].items()),
    ]
    if results["not_as_expected"]:
        lines += ["", f"Not as expected: {', '.join(results['not_as_expected'])}."]
    return "\n".join(lines) + "\n"
