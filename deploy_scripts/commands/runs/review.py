"""`dropserve review`: photos that the model was in doubt about, and the next drop made of them."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.bucket import REVIEW
from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.commands.runs.drop import upload_with_bar
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.drops.capture_reviews import follow_decisions, read_decisions
from deploy_scripts.operations.drops.captures import (
    CapturedPhoto,
    as_decisions,
    list_captures,
    read_photo,
)
from deploy_scripts.operations.drops.thumbnails import make_thumbnail
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table
from drops.review import write_review

_SHOWN = 20


@with_target
def review(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    page: Annotated[Path | None, typer.Option(help="Write a page with the photos.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the list to be edited.")] = None,
    apply: Annotated[
        Path | None, typer.Option(help="An edited list: make and drop the next dataset.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="A zip to add to; else the live release's drop.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show photos that the model did not know or was unsure about; --apply labels them and drops again."""
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    photos = list_captures(deployment)
    if apply is not None:
        _apply(screen, deployment, photos, apply, dataset)
        return
    if as_json:
        screen.put_json([{**vars(each)} for each in photos])
    else:
        _show(screen, photos)
    if page is not None:
        _write_new(page, _page(deployment, photos))
        screen.say(f"Written: {page}")
    if out is not None:
        _write_new(out, write_review(as_decisions(photos)))
        screen.say(f"Written: {out}. Edit it, then: `dropserve review --apply {out}`")


def _show(screen: Screen, photos: list[CapturedPhoto]) -> None:
    if not photos:
        screen.say("No photo waits for a review. They are kept where the parameter CaptureShare is over 0.")
        return
    screen.say(f"Photos that wait for a review: {len(photos)}")
    table = make_table("photo", "why", "at")
    for each in photos[:_SHOWN]:
        table.add_row(cell(each.name), cell(each.why, 90), cell(each.captured_at))
    screen.show(table)
    if len(photos) > _SHOWN:
        screen.say(f"And {len(photos) - _SHOWN} more: see them by --page, or --out {REVIEW}.")


def _page(deployment: Deployment, photos: list[CapturedPhoto]) -> str:
    from training.report.captures import render_captures_page  # noqa: PLC0415 - of training, without torch

    return render_captures_page(
        (each.name, each.label, each.why, make_thumbnail(read_photo(deployment, each))) for each in photos
    )


def _write_new(file: Path, content: str) -> None:
    try:
        file.touch(exist_ok=False)
    except FileExistsError as error:
        raise CliError(f"{file} is there already.", "Move it away, or name another file.") from error
    file.write_text(content, "utf-8")


def _apply(
    screen: Screen, deployment: Deployment, photos: list[CapturedPhoto], file: Path, dataset: Path | None
) -> None:
    done = read_decisions(photos, file)
    item = follow_decisions(
        deployment,
        done,
        dataset,
        upload=lambda next_dataset: upload_with_bar(screen, deployment, next_dataset),
        say_new_class=lambda label: screen.mark(
            "!", "yellow", f"{label} is a new class: it has these photos alone"
        ),
    )
    if deployment.aws.is_local:
        local_target.wait_until_saved()
    if item:
        screen.say(f"Follow the run: `dropserve watch {item.run.run_id[:8]}`")
    screen.done(f"{len(done.labels)} photos labelled, {len(done.thrown_away)} thrown away")
