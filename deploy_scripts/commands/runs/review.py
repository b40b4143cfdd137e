"""`dropserve review`: photos that the model was in doubt about, and the next drop made of them."""

import io
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from contracts.bucket import REVIEW
from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.commands.runs.drop import upload_with_bar
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.drops.captures import (
    CapturedPhoto,
    as_decisions,
    list_captures,
    read_photo,
    remove_captures,
)
from deploy_scripts.operations.drops.next_drop import Sorted, sort_captures, write_next_drop
from deploy_scripts.operations.drops.upload import read_dataset
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.runs.ledger import find_item
from deploy_scripts.operations.runs.starts import wait_for_drop
from deploy_scripts.options import JsonOption, with_target
from deploy_scripts.screen import Screen, cell, make_table
from drops.keys import dataset_of, is_zip
from drops.limits import MAX_TABLE_BYTES
from drops.review import ReviewError, read_review, write_review

_SHOWN = 20
_THUMBNAIL_PIXELS = 220


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
        (each.name, each.label, each.why, _thumbnail(read_photo(deployment, each))) for each in photos
    )


def _thumbnail(photo: bytes) -> bytes:
    """Empty for what cannot be decoded."""
    try:
        with Image.open(io.BytesIO(photo), formats=["JPEG"]) as image:
            image.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
            stream = io.BytesIO()
            image.convert("RGB").save(stream, "JPEG", quality=80)
    except (OSError, ValueError, Image.DecompressionBombError):
        return b""
    return stream.getvalue()


def _write_new(file: Path, content: str) -> None:
    try:
        file.touch(exist_ok=False)
    except FileExistsError as error:
        raise CliError(f"{file} is there already.", "Move it away, or name another file.") from error
    file.write_text(content, "utf-8")


def _apply(
    screen: Screen, deployment: Deployment, photos: list[CapturedPhoto], file: Path, dataset: Path | None
) -> None:
    done = _sorted(screen, photos, file)
    if done.labels:
        _drop(screen, deployment, done, dataset)
    # Only now: what was not dropped is still there to be reviewed.
    remove_captures(deployment, [*done.labels, *done.thrown_away])
    screen.done(f"{len(done.labels)} photos labelled, {len(done.thrown_away)} thrown away")


def _sorted(screen: Screen, photos: list[CapturedPhoto], file: Path) -> Sorted:
    try:
        if file.stat().st_size > MAX_TABLE_BYTES:
            raise CliError(f"{file} is over {MAX_TABLE_BYTES // 1024**2} MiB.")
        decisions, refusals = read_review(file.read_text("utf-8"))
    except (OSError, ReviewError, UnicodeDecodeError) as error:
        raise CliError(
            f"{file} cannot be read: {error}.", f"`dropserve review --out {REVIEW}` writes such a list."
        ) from error
    done = sort_captures(photos, decisions)
    refused = sorted([*refusals, *done.refusals], key=lambda each: each.line)
    if refused:
        lines = [f"line {each.line}: {each.why}" for each in refused]
        raise CliError(f"{file} has lines that cannot be followed; nothing was done.", "Correct them.", lines)
    return done


def _drop(screen: Screen, deployment: Deployment, done: Sorted, dataset: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        old, name = (dataset, dataset.stem) if dataset else _live_drop(deployment, Path(folder))
        content = {photo: (label, read_photo(deployment, photo)) for photo, label in done.labels.items()}
        target = Path(folder) / "next.zip"
        for label in write_next_drop(old, content, target):
            screen.mark("!", "yellow", f"{label} is a new class: it has these photos alone")
        dropped = upload_with_bar(screen, deployment, read_dataset(target, name))
    item = wait_for_drop(deployment, dropped.key, dropped.version_id)
    if deployment.aws.is_local:
        local_target.wait_until_saved()
    screen.say(f"Follow the run: `dropserve watch {item.run.run_id[:8]}`")


def _live_drop(deployment: Deployment, folder: Path) -> tuple[Path, str]:
    """The very version that the live release was trained on, and its dataset's name."""
    live = read_live(deployment)
    if live is None:
        raise CliError("No release is live.", "Name a zip to add the photos to: --dataset ZIP.")
    item = find_item(deployment, live.run_id)
    if not is_zip(item.key):
        raise CliError(
            "The live release's drop is a folder, which is not added to.",
            "Zip it, and name the zip: --dataset ZIP.",
        )
    file = folder / "old.zip"
    deployment.aws.s3.download_file(
        item.bucket, item.key, str(file), ExtraArgs={"VersionId": item.version_id} if item.version_id else {}
    )
    return file, dataset_of(item.key)
