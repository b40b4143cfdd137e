"""`dropserve score s3://bucket/prefix/`: every photo there is asked about once, and a table comes back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.scoring import MAX_BATCHES_AT_ONCE, MAX_PHOTOS
from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.costs.component import DatedPrices, Section
from deploy_scripts.costs.scoring import Scoring, scoring_cost
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.scoring.jobs import (
    Job,
    Progress,
    download,
    find_job,
    follow,
    new_job_id,
    running_execution,
    save_job,
    start_execution,
)
from deploy_scripts.operations.scoring.pace import read_pace
from deploy_scripts.operations.scoring.photos import count_photos, read_place
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table

# What a shell expects of a program that Ctrl-C has ended.
_INTERRUPTED_EXIT_CODE = 130


@with_target
def score(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    photos: Annotated[
        str | None, typer.Argument(metavar="S3_PREFIX", help="Such as s3://bucket/photos/autumn/.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the result (default: one named after the job).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether the price is right.")] = False,
    max_photos: Annotated[
        int | None, typer.Option(min=1, max=MAX_PHOTOS, help="Score the first so many.")
    ] = None,
    batches_at_once: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_BATCHES_AT_ONCE, help="Default: two an instance of the endpoint."),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="JOB", help="Take up a job where it stopped, or follow it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the live model about every photo under a prefix of S3: counted, priced, watched, fetched."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    if (photos is None) == (resume is None):
        raise CliError(
            "Name either a place of photos, or a job to resume.",
            "`dropserve score s3://bucket/photos/autumn/`, or `dropserve score --resume JOB`.",
        )
    if resume is not None:
        job = find_job(deployment, resume)
    else:
        job = _new_job(screen, deployment, photos or "", max_photos, batches_at_once)
        if not yes and not screen.confirm("Score them?"):
            raise typer.Abort
        save_job(deployment, job)
    summary = _follow(screen, deployment, job)
    folder = out or Path(job.id)
    download(deployment, job, folder)
    if as_json:
        screen.put_json({**summary, "folder": str(folder)})
    else:
        _show(screen, job, summary, folder)
    if not summary["scored"]:
        raise CliError("No photo was scored.", f"See why: {folder}/failures.csv")


def _new_job(
    screen: Screen, deployment: Deployment, given: str, max_photos: int | None, at_once: int | None
) -> Job:
    place = read_place(deployment, given)
    live = read_live(deployment)
    if live is None or live.paused_at:
        raise CliError(
            "No model is live." if live is None else "The deployment is paused.",
            "Drop a dataset first: `dropserve drop`." if live is None else "`dropserve resume` starts it.",
        )
    found = count_photos(deployment, place, max_photos)
    screen.say(f"{found.photos:,} photos, {found.total_bytes / 1e6:,.1f} MB, under {place}")
    work = _work(deployment, live.endpoint_name, found.photos, found.total_bytes, at_once)
    _show_cost(screen, work, deployment)
    return Job(new_job_id(), place.bucket, place.key, found.photos, max_photos, at_once)


def _work(
    deployment: Deployment, endpoint: str, photos: int, total_bytes: int, at_once: int | None
) -> Scoring:
    sagemaker = deployment.aws.sagemaker
    described = sagemaker.describe_endpoint(EndpointName=endpoint)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    instances = max(1, described["ProductionVariants"][0].get("CurrentInstanceCount", 1))
    instance_type = config["ProductionVariants"][0].get("InstanceType")
    pace = read_pace(deployment, endpoint, instance_type)
    return Scoring(photos, total_bytes, instance_type, instances, at_once, pace)


def _show_cost(screen: Screen, work: Scoring, deployment: Deployment) -> None:
    section = Section("scoring", tuple(scoring_cost(work, DatedPrices(deployment.aws.region))))
    table = make_table("on AWS", "quantity", "USD", "")
    for each in section.components:
        usd = "not known" if each.usd is None else f"{each.usd:,.4f}"
        table.add_row(cell(each.name), cell(f"{each.quantity:,.4g}"), cell(usd), cell(each.note))
    if not screen.as_json:
        screen.show(table)
    minutes = work.duration_s / 60
    screen.say(f"Together about ${section.total_usd:,.4f}, in about {minutes:,.1f} minutes on AWS")


def _follow(screen: Screen, deployment: Deployment, job: Job) -> dict[str, Any]:
    """The summary. Ctrl-C ends only the following."""
    execution = running_execution(deployment, job) or start_execution(deployment, job)
    if deployment.aws.is_local:
        local_target.wait_until_saved()
    screen.say(f"Job {job.id}")
    again = f"dropserve score --resume {job.id}"
    try:
        with screen.moving("Scoring") as tell:
            return follow(deployment, execution, lambda progress: tell(_told(progress)))
    except KeyboardInterrupt:
        screen.say(f"It goes on without this command. Follow it, and fetch the result: `{again}`")
        raise typer.Exit(_INTERRUPTED_EXIT_CODE) from None
    except CliError as error:
        raise CliError(error.message, f"Take it up where it stopped: `{again}`.") from error


def _told(progress: Progress) -> str:
    return f"{progress.done:,} of {progress.total:,} photos"


def _show(screen: Screen, job: Job, summary: dict[str, Any], folder: Path) -> None:
    screen.done(f"{summary['scored']:,} of {summary['photos']:,} photos scored: {folder}/")
    for code, count in sorted(summary["failures"].items()):
        screen.mark("!", "yellow", f"{count:,} failed: {code}; see {folder}/failures.csv")
    releases = summary["releases"]
    if len(releases) > 1:
        told = ", ".join(f"{name} scored {count:,}" for name, count in releases.items())
        screen.mark("!", "yellow", f"The live release changed meanwhile: {told}")
    missing = job.photos - summary["photos"]
    if missing > 0:
        screen.mark("!", "yellow", f"{missing:,} photos have no result: they were removed, or never reached")
    if summary["again"] or missing > 0:
        screen.say(f"Try what failed again: `dropserve score --resume {job.id}`")
