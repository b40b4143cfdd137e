"""`dropserve drop PATH`: upload a dataset; the upload itself begins the run."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.drops.reviews import review_dataset
from deploy_scripts.operations.drops.upload import Dataset, Drop, read_dataset, upload_drop
from deploy_scripts.operations.runs.starts import wait_for_drop
from deploy_scripts.operations.runs.watching import require_live, watch_run
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen


@with_target
def drop(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    path: Annotated[Path, typer.Argument(help="A zip of class folders, or a folder with class folders.")],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else the file's.")] = None,
    review: Annotated[
        Path | None, typer.Option(help="A review.csv of `dropserve doctor`: photos to drop or relabel first.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the run; succeed only when it ends live.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Upload photos to drops/; that begins a run.

    A folder goes up file by file, then the marker _SUCCESS, which begins the run.

    What an earlier drop of this name had beyond it is removed; another drop is never touched.
    """
    screen = Screen(as_json=as_json)
    dataset = read_dataset(path, name)
    if review is not None:
        dataset = _review(screen, dataset, review)
    deployment = open_deployment(target)
    dropped = upload_with_bar(screen, deployment, dataset)
    item = wait_for_drop(deployment, dropped.key, dropped.version_id)
    if deployment.aws.is_local:
        local_target.wait_until_saved()
    run = watch_run(screen, deployment, item) if watch else item.run
    if as_json:
        screen.put_json(run.to_json())
    elif not watch:
        screen.say(f"Follow the run: `dropserve watch {run.run_id[:8]}`")
    if watch:
        require_live(deployment, run)


def _review(screen: Screen, dataset: Dataset, review: Path) -> Dataset:
    """The dataset with the review applied; says what was done, and each line that could not be followed."""
    reviewed, applied = review_dataset(dataset, review)
    for refusal in applied.refusals:
        screen.mark("!", "yellow", f"{review}, line {refusal.line}: {refusal.why}")
    screen.done(
        f"Reviewed: {applied.done['drop']} photos dropped, {applied.done['relabel']} relabelled, "
        f"{applied.done['keep']} kept, {len(applied.refusals)} lines not followed"
    )
    if reviewed.source != dataset.source:
        screen.say(f"Written: {reviewed.source}; {dataset.source} is as it was")
    return reviewed


def upload_with_bar(screen: Screen, deployment: Deployment, dataset: Dataset) -> Drop:
    """Upload a dataset, with a bar of the bytes that went."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    silent = not screen.console.is_terminal
    with Progress(*columns, console=screen.console, transient=True, disable=silent) as progress:
        task = progress.add_task("Uploading", total=dataset.size_bytes)
        dropped = upload_drop(
            deployment,
            dataset,
            sent=lambda count: progress.update(task, advance=count),
            say=screen.say,
        )
    screen.done(f"Dropped s3://{deployment.bucket}/{dropped.key}")
    return dropped
