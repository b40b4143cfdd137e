"""The tables of docs/benchmarks.md, docs/unknown.md and docs/drift.md that are made of results/trust.json."""

import json
from pathlib import Path
from typing import Any

from benchmarks.support.marked_block import write_block


def update(page: Path, unknown_page: Path, drift_page: Path, results: Path) -> None:
    """Put each table between its two marks in its page; without results they stay as they are."""
    if (results / "trust.json").exists():
        write_block(page, "trust", render_table(results))
        write_block(unknown_page, "unknown", render_unknown(results))
        write_block(drift_page, "drift", render_drift(results))


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


def render_unknown(results: Path) -> str:
    """Markdown; a row for each direction, and what an answer costs more."""
    part = json.loads((results / "trust.json").read_text("utf-8"))["unknown"]
    lines = [
        "| photos known, and asked of | AUROC | false alarms | called unknown | the same, as served |",
        "|---|---|---|---|---|",
    ]
    for name, found in part["over_splits"].items():
        served = part["served"][name]
        lines.append(
            f"| {name} | {found['auroc']:.2f} | {found['false_alarm_rate']:.1%} | {found['detected']:.0%} | "
            f"{served['detected']:.0%}, in {served['precision']} |"
        )
    low, high = min(part["latency_costs"]), max(part["latency_costs"])
    return "\n".join([*lines, "", f"An answer takes {low:.1%} to {high:.1%} longer."]) + "\n"


def render_drift(results: Path) -> str:
    """Markdown; a row for each direction and number of answers a day, and the months."""
    part = json.loads((results / "trust.json").read_text("utf-8"))["drift"]
    days = part["days_with_an_alarm"]
    shares = list(next(iter(next(iter(days.values())).values())))
    lines = [
        f"| model of | answers a day | {' | '.join(f'{share} shifted' for share in shares)} |",
        f"|---|---|{'---|' * len(shares)}",
    ]
    for title, by_answers in days.items():
        for answers, by_share in by_answers.items():
            shown = " | ".join(f"{by_share[share]:.0%}" for share in shares)
            lines.append(f"| {title} | {int(answers):,} | {shown} |")
    months = [f"{share:.1%} of {title}" for title, share in part["months_with_an_alarm"].items()]
    return "\n".join([*lines, "", f"Months without a shift with any alarm: {', '.join(months)}."]) + "\n"


def _bounds(claim: dict[str, Any]) -> str:
    bounds = {"at least": claim["least"], "at most": claim["most"]}
    return ", ".join(f"{word} {value:.3g}" for word, value in bounds.items() if value is not None)
