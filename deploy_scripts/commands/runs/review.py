"""`dropserve review`: photos that the model was in doubt about, and the next drop made of them."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts.bucket import REVIEW
from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.commands.runs.drop import upload_with_bar
from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.capture_reviews import Followed, follow_review
from deploy_scripts.operations.captures.captures import (
    CapturedPhoto,
    as_decisions,
    list_captures,
    read_photo,
)
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.drops.thumbnails import make_thumbnail
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table
from drops.review import write_review

_SHOWN = 20
# A page has its pictures in it: some 10 KB each.
_ON_A_PAGE = 300


@with_target
def review(  # noqa: PLR0913, PLR0917 - one parameter an option; typer passes them by name
    target: Target,
    page: Annotated[Path | None, typer.Option(help="Write a page with the photos.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the list to be edited.")] = None,
    apply: Annotated[
        Path | None, typer.Option(help="An edited list: make and drop the next dataset.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="With --apply, a zip to add to; else the live release's dataset.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show photos that the model did not know or was unsure about; --apply labels them and drops again."""
    _check_options(page, out, apply, dataset)
    screen = Screen(as_json=as_json)
    deployment = open_deployment(target)
    photos = list_captures(deployment)
    if apply is not None:
        followed = _apply(screen, deployment, photos, apply, dataset)
        if as_json:
            screen.put_json(_as_document(followed))
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


def _check_options(page: Path | None, out: Path | None, apply: Path | None, dataset: Path | None) -> None:
    if apply is not None and (page or out):
        raise CliError(
            "--apply goes with neither --page nor --out.", "Write them first, by a call without it."
        )
    if apply is None and dataset:
        raise CliError("--dataset goes with --apply alone.", "Add --apply FILE.")


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
    # Of training, but without torch.
    from training.report.captures import render_captures_page  # noqa: PLC0415

    shown = photos[:_ON_A_PAGE]
    return render_captures_page(
        ((each.name, each.label, each.why, make_thumbnail(read_photo(deployment, each))) for each in shown),
        total=len(photos),
    )


def _write_new(file: Path, content: str) -> None:
    try:
        file.touch(exist_ok=False)
    except FileExistsError as error:
        raise CliError(f"{file} is there already.", "Move it away, or name another file.") from error
    file.write_text(content, "utf-8")


def _apply(
    screen: Screen, deployment: Deployment, photos: list[CapturedPhoto], file: Path, dataset: Path | None
) -> Followed:
    upload = partial(upload_with_bar, screen, deployment)
    followed = follow_review(deployment, photos, file, dataset, upload=upload, say=screen.say)
    if followed.run is not None:
        if deployment.aws.is_local:
            local_target.wait_until_saved()
        screen.say(f"Follow the run: `dropserve watch {followed.run.run_id[:8]}`")
    return followed


def _as_document(followed: Followed) -> dict[str, Any]:
    done, additions = followed.done, followed.applied.additions if followed.applied else None
    places, there = (additions.places, additions.there) if additions else ({}, {})
    return {
        "added": [
            {"photo": photo.name, "class": done.labels[photo], "file": file} for photo, file in places.items()
        ],
        "already_there": [{"photo": photo.name, "file": file} for photo, file in there.items()],
        "new_classes": additions.new_classes if additions else [],
        "thrown_away": [photo.name for photo in done.thrown_away],
        "run": followed.run.to_json() if followed.run else None,
    }
