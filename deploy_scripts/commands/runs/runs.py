"""`dropserve runs [RUN]`: every run, newest first; or the story of one."""

from typing import Annotated, Any

import typer

from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.drops.unstarted import find_unstarted_drops
from deploy_scripts.operations.logs.hints import log_command
from deploy_scripts.operations.runs.findings import Finding, read_findings, show_findings
from deploy_scripts.operations.runs.ledger import LedgerItem, Run, find_item, read_ledger
from deploy_scripts.operations.runs.story import RunStory, read_story
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table

# Of a table's line; `dropserve runs RUN` has the whole text.
_LONGEST_NAME = 60
_LONGEST_REASON = 300
# Of the states of a run.
_SHORTEST_S = 0.5


@with_target
def runs(
    target: Target,
    run: Annotated[str | None, typer.Argument(help="A run's id or its beginning; else all of them.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs, newest first, and the drops that have none; or show one run, and what was found."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    if run is not None:
        show_run(screen, deployment, find_item(deployment, run))
        return
    items = read_ledger(deployment)
    all_runs = [item.run for item in items]
    if as_json:
        screen.put_json([each.to_json() for each in all_runs])
        return
    if all_runs:
        show_runs(screen, all_runs)
    else:
        screen.say("There is no run yet. Drop a dataset: `dropserve drop photos.zip`")
    for drop in find_unstarted_drops(deployment, items):
        screen.mark("!", "yellow", f"s3://{deployment.bucket}/{drop.key} has no run: `{drop.command}`")


def show_run(screen: Screen, deployment: Deployment, item: LedgerItem) -> None:
    """Everything about one run: drop, findings, states, cost, reports, and which log tells of a failure."""
    findings, story = read_findings(deployment, item.run.run_id), read_story(deployment, item)
    log = log_command(deployment, item) if item.run.status == "failed" else None
    document = run_document(item, findings, log)
    if screen.as_json:
        screen.put_json({**document, **story.to_json()})
        return
    table = make_table("", "")
    for name, value in document.items():
        if name not in {"bucket", "key", "findings", "log"}:
            table.add_row(cell(name), cell(value))
    table.add_row(cell("drop"), cell(f"s3://{item.bucket}/{item.key}"))
    if story.training_usd is not None:
        table.add_row(cell("training, estimated"), cell(f"USD {story.training_usd:.4f}"))
    screen.show(table)
    show_findings(screen, findings, with_names=True)
    _show_states(screen, story)
    for uri in story.reports:
        screen.say(uri)
    if log:
        screen.say(f"See `{log}`")


def _show_states(screen: Screen, story: RunStory) -> None:
    """What took a moment is left out, unless something of it failed."""
    shown = [each for each in story.states if each.seconds >= _SHORTEST_S or each.failed_tries]
    if not shown:
        return
    table = make_table("state", "seconds", "times", "failed tries", "last failure")
    for each in shown:
        table.add_row(
            cell(each.state),
            cell(f"{each.seconds:.1f}"),
            cell(str(each.entered)),
            cell(str(each.failed_tries) if each.failed_tries else None),
            cell(each.last_failure, _LONGEST_REASON),
        )
    screen.show(table)


def run_document(item: LedgerItem, findings: list[Finding], log: str | None) -> dict[str, Any]:
    """What `runs RUN --json` prints; `log` is the command that shows why a failed run failed."""
    return {
        **item.run.to_json(),
        "bucket": item.bucket,
        "key": item.key,
        "version_id": item.version_id,
        "findings": [
            {
                "code": each.code,
                "severity": each.severity,
                "message": each.message,
                "names": list(each.names),
            }
            for each in findings
        ],
        "log": log,
    }


def show_runs(screen: Screen, all_runs: list[Run]) -> None:
    table = make_table("run", "dataset", "source", "backend", "status", "accuracy", "started", "reason")
    for run in all_runs:
        accuracy = None if run.accuracy is None else f"{run.accuracy:.3f}"
        started = run.started_at[:19].replace("T", " ")
        table.add_row(
            cell(run.run_id[:8]),
            cell(run.dataset, _LONGEST_NAME),
            cell(run.source),
            cell(run.backend),
            cell(run.status),
            cell(accuracy),
            cell(started),
            cell(run.reason, _LONGEST_REASON),
        )
    screen.show(table)
