"""Run: one run live, stage by stage, with its training, its log, why it ended, and its reports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError
from starlette.responses import Response

from contracts.bucket import RUN_ID, run_key
from deploy_scripts.console.charts import Chart, chart
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, NotThereError, Page, feed, view
from deploy_scripts.console.pages.runs import row_of
from deploy_scripts.console.run_watch import RunWatch, Sight
from deploy_scripts.console.security import REPORT_POLICY
from deploy_scripts.errors import is_error
from deploy_scripts.operations.logs.sources import LogLine, log_sources_of, read_logs
from deploy_scripts.operations.runs.ledger import find_item, read_item
from deploy_scripts.operations.runs.story import REPORTS
from deploy_scripts.packaging.functions import function_names

# What several windows see of a run within this time is read once.
_FRESH_S = {True: 0.2, False: 1.5}
_LINES_SHOWN = 14
_LOG_LINES = 400
# Of the log of a function that other runs use, too: what it writes after the run's end is not the run's.
_AFTER_THE_END = timedelta(seconds=60)
_TYPES = {"html": "text/html", "json": "application/json", "csv": "text/plain"}


def show_run(call: Call) -> Response:
    run_id = call.path["run_id"]
    if not re.fullmatch(RUN_ID, run_id):
        return call.go_to(f"/runs/{find_item(call.console.deployment, run_id).run.run_id}")
    return call.html("run.html", **_values(call.console, run_id))


@dataclass(frozen=True)
class RunFeed:
    """The parts of the page; over once the run has ended."""

    call: Call

    @property
    def ended(self) -> bool:
        return _sight(self.call.console, self.call.path["run_id"]).ended

    def read(self) -> Mapping[str, str]:
        values = _values(self.call.console, self.call.path["run_id"])
        names = ("summary", "picture", "training", "findings", "details", "states", "lines")
        return {name: self.call.text(f"run_{name}.html", **values) for name in names}


def show_log(call: Call) -> Response:
    """The lines of one log since the run began."""
    run_id, source = call.path["run_id"], call.query.get("source", "training")
    deployment = call.console.deployment
    item = read_item(deployment, run_id)
    is_own = source in {"training", "endpoint"}
    sources = log_sources_of(deployment, source, run_id if is_own else None)
    lines = _until_the_end(read_logs(deployment, sources, item.started_at), item.run.ended_at, is_own=is_own)
    shown = list(islice(lines, _LOG_LINES + 1))
    return call.html("run_log.html", lines=shown[:_LOG_LINES], is_cut=len(shown) > _LOG_LINES, source=source)


def show_file(call: Call) -> Response:
    """A file of the run as the pipeline wrote it."""
    run_id, name = call.path["run_id"], call.path["name"]
    if name not in REPORTS or not re.fullmatch(RUN_ID, run_id):
        raise NotThereError(f"A run has no file {name}.", "Its page has links to those that are there.")
    deployment = call.console.deployment
    try:
        answer = deployment.aws.s3.get_object(Bucket=deployment.bucket, Key=run_key(run_id, name))
    except ClientError as error:
        if is_error(error, "NoSuchKey"):
            raise NotThereError(
                f"The run {run_id} has no {name}.", "It ended before it was written."
            ) from error
        raise
    kind = _TYPES[name.rpartition(".")[2]]
    headers = {"content-security-policy": REPORT_POLICY}
    return Response(answer["Body"].read(), media_type=f"{kind}; charset=utf-8", headers=headers)


def _until_the_end(lines: Iterator[LogLine], ended_at: str | None, *, is_own: bool) -> Iterator[LogLine]:
    end = datetime.fromisoformat(ended_at) + _AFTER_THE_END if ended_at and not is_own else None
    return (line for line in lines if end is None or line.at <= end)


def _sight(console: Console, run_id: str) -> Sight:
    if not re.fullmatch(RUN_ID, run_id):
        raise NotThereError(f"There is no run {run_id}.", "See them all on the page Runs.")
    watch = console.kept(f"run {run_id}", lambda: RunWatch(console.deployment, run_id))
    return console.recent(f"run {run_id}", watch.look, _FRESH_S[console.target.name == "local"])


def _values(console: Console, run_id: str) -> dict[str, Any]:
    """What run.html and its parts want."""
    sight = _sight(console, run_id)
    return {
        "sight": sight,
        "run": sight.item.run,
        "row": row_of(sight.item.run),
        "lines": sight.lines[-_LINES_SHOWN:],
        "charts": _charts(sight),
        "log_sources": ["training", "endpoint", "workflow", *function_names()],
    }


def _charts(sight: Sight) -> list[Chart]:
    if not sight.epochs:
        return []
    epochs = [each.epoch for each in sight.epochs]
    return [
        chart("Validation accuracy", epochs, [each.valid_accuracy for each in sight.epochs]),
        chart("Training loss", epochs, [each.train_loss for each in sight.epochs]),
    ]


PAGE = Page(
    "Run",
    "/runs/{run_id}",
    (
        view("/runs/{run_id}", show_run),
        feed("/runs/{run_id}/feed", RunFeed),
        view("/runs/{run_id}/log", show_log),
        view("/runs/{run_id}/files/{name}", show_file),
    ),
    in_navigation=False,
)
