"""`dropserve runs`: every run, newest first."""

from deploy_scripts.aws import Target
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.pipeline.deployment import open_deployment
from deploy_scripts.pipeline.ledger import Run, read_ledger
from deploy_scripts.screen import Screen, cell, make_table


@with_target
def runs(target: Target, as_json: JsonOption = False) -> None:
    """List the runs, newest first."""
    screen = Screen(as_json=as_json)
    all_runs = [item.run for item in read_ledger(open_deployment(target))]
    if as_json:
        screen.put_json([run.to_json() for run in all_runs])
    elif all_runs:
        show_runs(screen, all_runs)
    else:
        screen.say("There is no run yet. Drop a dataset: `dropserve drop photos.zip`")


def show_runs(screen: Screen, all_runs: list[Run]) -> None:
    table = make_table("run", "dataset", "source", "backend", "status", "accuracy", "started", "reason")
    for run in all_runs:
        accuracy = None if run.accuracy is None else f"{run.accuracy:.3f}"
        started = run.started_at[:19].replace("T", " ")
        values = (
            run.run_id[:8],
            run.dataset,
            run.source,
            run.backend,
            run.status,
            accuracy,
            started,
            run.reason,
        )
        table.add_row(*(cell(value) for value in values))
    screen.show(table)
