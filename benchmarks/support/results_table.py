"""The table of docs/benchmarks.md, made of the files in benchmarks/results/."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.marked_block import write_block

_RECIPE = "the course project's recipe"
_OLD_SERVER = "the server that it replaced, on torch"
_BARE_LOOP = "decoder and engine in a bare loop"


@dataclass(frozen=True)
class Row:
    """A ratio's place in `<script>.json`: the keys from the top to its median, min and max."""

    claim: str
    peer: str
    script: str
    path: tuple[str, ...]


def _serving_rows(precision: str) -> list[Row]:
    throughput = f"endpoint's throughput in {precision}"
    return [
        Row(f"{throughput}, 8 connections", _OLD_SERVER, "serving", ("over_old_server", precision, "8")),
        Row(f"{throughput}, 64 connections", _OLD_SERVER, "serving", ("over_old_server", precision, "64")),
        Row("the same", "LitServe, on torch", "serving", ("over_litserve", precision, "64")),
        Row("the same", "LitServe, our engine", "serving", ("over_litserve_same_engine", precision, "64")),
        Row("the same", _BARE_LOOP, "serving", ("over_floor", precision, "64")),
        Row(
            f"median latency in {precision}, 1 connection",
            _OLD_SERVER,
            "serving",
            ("median_latency_over_old_server", precision, "1"),
        ),
        Row(f"memory in {precision}", _OLD_SERVER, "serving", ("memory_over_old_server", precision)),
    ]


ROWS = [
    Row(
        "training 8,351 photos for 5 epochs, how much faster",
        _RECIPE,
        "training",
        ("dog_shaped_reference", "reference_over_ours"),
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
        ("dog_shaped_floor", "time_over_floor"),
    ),
    Row(
        "its feature pass, photos a second",
        "the one that it replaced, on torch",
        "training",
        ("dog_shaped_floor", "feature_pass_over_old"),
    ),
    Row("peak memory", "a tenth of the photos", "training", ("dog_shaped_floor", "peak_memory_ratio_10x")),
    *(row for precision in ("float32", "int8") for row in _serving_rows(precision)),
    Row("endpoint's start, to the first answer of /ping", _OLD_SERVER, "cold_start", ("endpoint_over_old",)),
    Row("inference function's cold start, time", "the course project's", "cold_start", ("over_reference",)),
    Row(
        "batch scoring's photos a second, killed half way",
        "its endpoint, asked directly",
        "scoring",
        ("over_endpoint",),
    ),
    Row("audit of 50 roles, how much faster", "cloudsplaining", "audit", ("over_cloudsplaining", "50")),
    Row("audit of 5,000 roles, how much faster", "cloudsplaining", "audit", ("over_cloudsplaining", "5000")),
]


def update(page: Path, results: Path) -> None:
    """Put the table of the results between its two marks in the page."""
    write_block(page, "benchmarks", render_table(results))


def render_table(results: Path) -> str:
    """Markdown; a row for each ratio that has been measured."""
    lines = ["| ours | against | ratio (min to max) | processor | script |", "|---|---|---|---|---|"]
    for row in ROWS:
        ratio = _look_up(results / f"{row.script}.json", row.path)
        if ratio is not None:
            once = _look_up(results / f"{row.script}.json", (*row.path[:1], "rounds")) == 1
            span = "one round" if once else f"{ratio['min']:.3g} to {ratio['max']:.3g}"
            figures = f"{ratio['median']:.3g} ({span})"
            script = f"[{row.script}.py](../benchmarks/{row.script}.py)"
            lines.append(f"| {row.claim} | {row.peer} | {figures} | {_processor(results, row)} | {script} |")
    return "\n".join(lines) + "\n"


def _processor(results: Path, row: Row) -> str:
    """That of the row's part, where a script measures its parts one by one."""
    places = (row.path[:1], ())
    found = (_look_up(results / f"{row.script}.json", (*place, "machine", "processor")) for place in places)
    return next(filter(None, found), "not noted")


def _look_up(file: Path, path: tuple[str, ...]) -> Any:
    if not file.exists():
        return None
    value: Any = json.loads(file.read_text("utf-8"))
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
