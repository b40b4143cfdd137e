"""The table of docs/capacity.md, made of benchmarks/results/capacity.json."""

import json
from pathlib import Path
from typing import Any

from benchmarks.support.marked_block import write_block


def update(page: Path, results: Path) -> None:
    """Put the table between its two marks in the page; without results it stays as it is."""
    if (results / "capacity.json").exists():
        write_block(page, "capacity", render_table(results))


def render_table(results: Path) -> str:
    """Markdown; a row for each trace and policy."""
    document = json.loads((results / "capacity.json").read_text("utf-8"))
    lines = [
        "| trace | setting | reserved, provisioned, instances, target | not answered | cold starts | "
        "a month | a million answers |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, trace in document["traces"].items():
        for policy, day in trace["days"].items():
            setting = _setting(trace["settings"][policy])
            cells = (
                name,
                policy,
                setting,
                f"{day['not_answered_share']:.2%}",
                f"{day['cold_start_share']:.3%}",
                f"${day['monthly_usd']['total']:,.0f}",
                f"${day['usd_per_million_answers']:.2f}",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _setting(setting: dict[str, Any]) -> str:
    most = setting["most_provisioned"]
    provisioned = setting["provisioned"] if most is None else f"{setting['provisioned']} to {most}"
    instances = f"{setting['min_instances']} to {setting['max_instances']}"
    return f"{setting['reserved']}, {provisioned}, {instances}, {setting['target']:g}"
