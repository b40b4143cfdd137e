"""The README's table of benchmarks, made of the files in benchmarks/results/."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
_RECIPE = "the course project's recipe"
_BARE_LOOP = "decode and batched forward in a bare loop"


@dataclass(frozen=True)
class Row:
    """A ratio's place in `<script>.json`: the keys from the top to its median, min and max."""

    claim: str
    peer: str
    script: str
    path: tuple[str, ...]


ROWS = [
    Row(
        "training 8,351 photos for 5 epochs, how much faster",
        _RECIPE,
        "training",
        ("reference_over_ours",),
    ),
    Row(
        "the same on 383 real photos; starting torch is half of ours",
        _RECIPE,
        "training",
        ("real_photos", "reference_over_ours"),
    ),
    Row(
        "time of the 8,351 photos",
        "each decoded once, one pass of the backbone",
        "training",
        ("time_over_floor",),
    ),
    Row("peak memory", "a tenth of the photos", "training", ("dog_shaped_floor", "peak_memory_ratio_10x")),
    Row("endpoint's throughput, 8 connections", "LitServe", "serving", ("8", "over_best_peer")),
    Row("endpoint's throughput, 64 connections", "LitServe", "serving", ("64", "over_best_peer")),
    Row("the same, 8 connections", _BARE_LOOP, "serving", ("8", "over_floor")),
    Row("the same, 64 connections", _BARE_LOOP, "serving", ("64", "over_floor")),
    Row(
        "endpoint's median latency, 1 connection",
        "the quicker of LitServe and SageMaker's toolkit",
        "serving",
        ("1", "median_over_best_peer"),
    ),
    Row("the same", "decode and forward in a bare loop", "serving", ("1", "median_over_floor")),
    Row("inference function's cold start, time", "the course project's", "cold_start", ("over_reference",)),
    Row("audit of 50 roles, how much faster", "cloudsplaining", "audit", ("over_cloudsplaining", "50")),
    Row("audit of 5,000 roles, how much faster", "cloudsplaining", "audit", ("over_cloudsplaining", "5000")),
]


def update(readme: Path, results: Path) -> None:
    """Put the table of the results between its two marks in the README."""
    text = readme.read_text("utf-8")
    table = f"{_BEGIN}\n{render_table(results)}{_END}"
    readme.write_text(re.sub(f"{_BEGIN}.*{_END}", lambda _: table, text, flags=re.DOTALL), "utf-8")


def render_table(results: Path) -> str:
    """Markdown; a row for each ratio that has been measured."""
    lines = ["| ours | against | ratio (min to max) | script |", "|---|---|---|---|"]
    for row in ROWS:
        ratio = _look_up(results / f"{row.script}.json", row.path)
        if ratio is not None:
            figures = f"{ratio['median']:.3g} ({ratio['min']:.3g} to {ratio['max']:.3g})"
            script = f"[{row.script}.py](benchmarks/{row.script}.py)"
            lines.append(f"| {row.claim} | {row.peer} | {figures} | {script} |")
    return "\n".join(lines) + "\n"


def _look_up(file: Path, path: tuple[str, ...]) -> dict[str, float] | None:
    if not file.exists():
        return None
    value: Any = json.loads(file.read_text("utf-8"))
    for key in path:
        value = (value or {}).get(key)
    return value
