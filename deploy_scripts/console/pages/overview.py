"""Overview: what is live, what runs now, and what came last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from deploy_scripts.cloudformation.stack import read_parameters
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, Page, feed, view
from deploy_scripts.console.pages.runs import Row, ledger_of, row_of
from deploy_scripts.costs.month import idle_month_usd
from deploy_scripts.operations.releases.live import Live, endpoint_size, read_concurrency, read_live

_NEWEST = 6


@dataclass(frozen=True)
class Overview:
    """`size` and `concurrency` as `dropserve status` tells them; `dataset` is the live release's."""

    live: Live | None
    dataset: str | None
    size: Mapping[str, Any]
    concurrency: Mapping[str, Any]
    month_usd: float | None
    running: Sequence[Row]
    newest: Sequence[Row]


def show_overview(call: Call) -> Response:
    return call.html("overview.html", overview=_read(call.console))


@dataclass(frozen=True)
class OverviewFeed:
    """The same, live."""

    call: Call
    ended: bool = False

    def read(self) -> Mapping[str, str]:
        overview = _read(self.call.console)
        names = ("standing", "running", "newest")
        return {name: self.call.text(f"overview_{name}.html", overview=overview) for name in names}


def live_of(console: Console) -> Live | None:
    """What is live, as of a moment ago."""
    return console.recent("live", lambda: read_live(console.deployment))


def _read(console: Console) -> Overview:
    items = ledger_of(console)
    live = live_of(console)
    standing = console.recent("standing", lambda: _standing(console, live), console.slow_s)
    rows = [row_of(item.run) for item in items]
    return Overview(
        live=live,
        dataset=next((row.run.dataset for row in rows if live and row.run.run_id == live.run_id), None),
        running=[row for row in rows if row.run.status == "running"],
        newest=[row for row in rows if row.run.status != "running"][:_NEWEST],
        **standing,
    )


def _standing(console: Console, live: Live | None) -> dict[str, Any]:
    deployment = console.deployment
    parameters = console.recent("parameters", lambda: read_parameters(deployment.aws), 60.0)
    serves = live is not None and not live.paused_at
    return {
        "size": endpoint_size(deployment, live.endpoint_name) if live else {},
        "concurrency": read_concurrency(deployment),
        "month_usd": idle_month_usd(parameters, deployment.aws.region, serves=serves),
    }


PAGE = Page("Overview", "/", (view("/", show_overview), feed("/feed", OverviewFeed)))
