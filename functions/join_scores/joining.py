"""The parts of a job as one result, each photo once: JSON lines, and two tables."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from contracts.scoring import FAILURE_COLUMNS, FAILURES, RESULTS, TABLE, TABLE_COLUMNS
from drops.csv_cells import guarded
from functions.common.s3_uris import S3Uri


class Joined(NamedTuple):
    """`files` by their names; `releases` has how many photos each of them scored."""

    files: dict[str, Path]
    photos: int
    scored: int
    failures: dict[str, int]
    again: int
    releases: dict[str, int]


def newest_lines(parts: Iterable[bytes]) -> dict[str, bytes]:
    """Of each photo the line that counts, as it was written: an answer before a failure, then the newest.

    A photo is in two parts where the prefix changed between two executions, so that the batches moved.
    """
    chosen: dict[str, tuple[bool, str, bytes]] = {}
    for part in parts:
        for text in part.splitlines():
            line = json.loads(text)
            rank = ("error" not in line, line["at"])
            known = chosen.get(line["key"])
            if known is None or rank >= known[:2]:
                chosen[line["key"]] = (*rank, text)
    return {key: text for key, (_, _, text) in chosen.items()}


def write_results(lines: dict[str, bytes], bucket: str, folder: Path) -> Joined:
    """The files in `folder`, photos in the order of their keys."""
    releases: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    again = 0
    files = {name: folder / name for name in (RESULTS, TABLE, FAILURES)}
    with (
        files[RESULTS].open("w", encoding="utf-8") as results,
        files[TABLE].open("w", encoding="utf-8", newline="") as table,
        files[FAILURES].open("w", encoding="utf-8", newline="") as failed,
    ):
        rows, failed_rows = csv.writer(table, lineterminator="\n"), csv.writer(failed, lineterminator="\n")
        rows.writerow(TABLE_COLUMNS)
        failed_rows.writerow(FAILURE_COLUMNS)
        for line in _in_order(lines):
            uri = str(S3Uri(bucket, line.pop("key")))
            if "error" in line:
                failures[line["error"]] += 1
                again += line["again"]
                failed_rows.writerow(_failure_row(uri, line))
            else:
                releases[line["release"]] += 1
                results.write(json.dumps({"s3_uri": uri, **line}) + "\n")
                rows.writerow(_row(uri, line))
    scored = sum(releases.values())
    return Joined(files, len(lines), scored, dict(failures), again, dict(releases))


def _in_order(lines: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    for key in sorted(lines):
        yield json.loads(lines[key])


def _row(uri: str, line: dict[str, Any]) -> list[str]:
    best = line["predictions"][0]
    unknown = ("yes" if line["unknown"] else "no") if "unknown" in line else ""
    return [
        guarded(uri),
        guarded(best["label"]),
        f"{best['probability']:.6f}",
        unknown,
        guarded(line["release"]),
    ]


def _failure_row(uri: str, line: dict[str, Any]) -> list[str]:
    return [guarded(uri), guarded(line["error"]), guarded(line["reason"]), "yes" if line["again"] else "no"]
