"""Runs: every run of the deployment, newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response

from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, Page, feed, view
from deploy_scripts.console.parts.paging import part_of
from deploy_scripts.operations.drops.unstarted import UnstartedDrop, find_unstarted_drops
from deploy_scripts.operations.runs.ledger import LedgerItem, Run, read_ledger

_ON_A_PAGE = 50
_BACKENDS = {"sagemaker": "SageMaker", "ec2": "EC2"}


@dataclass(frozen=True)
class Row:
    """A run as the table shows it."""

    run: Run
    took_s: float | None
    trained_on: str


@dataclass(frozen=True)
class Listing:
    """One page of the runs; `page` counts from 1. `unstarted` are drops without a run, on the first page."""

    runs: Sequence[Row]
    unstarted: Sequence[UnstartedDrop]
    page: int
    pages: int
    total: int


def show_runs(call: Call) -> Response:
    return call.html("runs.html", listing=_listing(call))


@dataclass(frozen=True)
class RunsFeed:
    """The same table, live; a list of runs never ends."""

    call: Call
    ended: bool = False

    def read(self) -> Mapping[str, str]:
        return {"runs": self.call.text("runs_table.html", listing=_listing(self.call))}


def ledger_of(console: Console) -> list[LedgerItem]:
    """Every run, newest first, as of a moment ago: on AWS each reading of the whole table costs."""
    return console.recent("ledger", lambda: read_ledger(console.deployment), console.slow_s)


def row_of(run: Run) -> Row:
    return Row(run, took_s(run), _BACKENDS.get(run.backend or "", run.backend or "-"))


def took_s(run: Run) -> float | None:
    """From start to end; of one that is running, until now."""
    try:
        started = datetime.fromisoformat(run.started_at)
        ended = datetime.fromisoformat(run.ended_at) if run.ended_at else None
    except ValueError:
        return None
    if ended is None:
        if run.status != "running":
            return None
        ended = datetime.now(UTC).replace(microsecond=0)
    return (ended - started).total_seconds()


def _listing(call: Call) -> Listing:
    console = call.console
    items = ledger_of(console)
    part = part_of(len(items), call.query.get("page", "1"), _ON_A_PAGE)
    unstarted: Sequence[UnstartedDrop] = ()
    if part.first == 0:
        unstarted = console.recent(
            "unstarted", lambda: find_unstarted_drops(console.deployment, items), 10 * console.slow_s
        )
    rows = [row_of(item.run) for item in items[part.first : part.last]]
    return Listing(rows, unstarted, part.page, part.pages, len(items))


PAGE = Page("Runs", "/runs", (view("/runs", show_runs), feed("/runs/feed", RunsFeed)))
