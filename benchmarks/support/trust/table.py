"""The table of claims in docs/benchmarks.md, made of benchmarks/results/trust.json."""

import json
from pathlib import Path
from typing import Any

from benchmarks.support.marked_block import write_block


def update(page: Path, results: Path) -> None:
    """Put the table between its two marks in the page; without results it stays as it is."""
    if (results / "trust.json").exists():
        write_block(page, "trust", render_table(results))


def render_table(results: Path) -> str:
    """Markdown; a row for each claim."""
    document = json.loads((results / "trust.json").read_text("utf-8"))
    lines = ["| part | what | figure | claimed |", "|---|---|---|---|"]
    for name, part in document.items():
        for claim in part["claims"]:
            missed = "" if claim["held"] else ": not held"
            figure = f"{claim['figure']:.3g}{missed}"
            lines.append(f"| `{name}` | {claim['what']} | {figure} | {_bounds(claim)} |")
    return "\n".join(lines) + "\n"


def _bounds(claim: dict[str, Any]) -> str:
    bounds = {"at least": claim["least"], "at most": claim["most"]}
    return ", ".join(f"{word} {value:.3g}" for word, value in bounds.items() if value is not None)
