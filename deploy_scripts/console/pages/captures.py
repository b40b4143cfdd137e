"""Captures: the photos that the model was in doubt about, labelled one by one, and the next drop of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from botocore.exceptions import ClientError
from starlette.responses import Response

from contracts.bucket import CAPTURES, METRICS, run_key
from deploy_scripts import local_target
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, view
from deploy_scripts.console.pages.overview import live_of
from deploy_scripts.console.parts.jobs import Job, jobs_of
from deploy_scripts.console.parts.paging import part_of
from deploy_scripts.console.parts.reviewing import (
    ON_A_PAGE,
    Counts,
    JobFeed,
    PhotoCard,
    counts_of,
    decided_of,
    picture_answer,
    place_of,
)
from deploy_scripts.console.rendering import moment
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.captures.capture_reviews import follow_review
from deploy_scripts.operations.captures.captures import CapturedPhoto, list_captures, read_photo
from deploy_scripts.operations.drops.review_drafts import ReviewDraft, draft_file
from deploy_scripts.operations.drops.upload import Dataset, Drop, upload_drop
from deploy_scripts.operations.s3_documents import read_json
from drops.review import Decision

_PATH = "/data/captures"
_JOB = "captures"
# A list of them takes a call for each photo.
_LISTED_AGE_S = 30.0
_CLASSES_AGE_S = 60.0


@dataclass(frozen=True)
class Listing:
    """One page of the photos; `classes` are those of the live release."""

    cards: Sequence[PhotoCard]
    page: int
    pages: int
    total: int
    classes: Sequence[str]
    counts: Counts


def show_captures(call: Call) -> Response:
    photos, draft = _photos(call.console), _draft(call.console)
    decisions = draft.decisions()
    part = part_of(len(photos), call.query.get("page", "1"), ON_A_PAGE)
    cards = [
        _card(each, decisions.get(each.name), at) for at, each in enumerate(photos[part.first : part.last])
    ]
    counts = counts_of(draft, decisions)
    listing = Listing(cards, part.page, part.pages, len(photos), _classes(call.console), counts)
    return call.html("captures.html", listing=listing)


def show_photo(call: Call) -> Response:
    photo = _find(call.console, call.query.get("name", ""))
    return picture_answer(read_photo(call.console.deployment, photo))


def decide(call: Call) -> Response:
    """Label one photo, throw it away, or let it wait on; shows the photo as it is then."""
    photo, draft = _find(call.console, call.form.get("file", "")), _draft(call.console)
    chosen, label = call.form.get("action", ""), call.form.get("suggested", "").strip()
    if chosen in {"undecide", "keep"}:
        # A photo that is kept waits on, as one that nobody has decided about.
        draft.undecide(photo.name)
    else:
        if chosen == "relabel" and not label:
            raise CliError("There is no class.", "Write the class that the photo belongs to.")
        decision = decided_of(photo.name, "", chosen, label, photo.why, photo.unknown_score or 0.0)
        draft.decide(decision)
    decisions = draft.decisions()
    card = _card(photo, decisions.get(photo.name), place_of(call.form.get("at", "")))
    counts = counts_of(draft, decisions)
    return call.html("data_decided.html", card=card, counts=counts, drop_path=f"{_PATH}/drop")


def ask_before(call: Call) -> Response:
    console = call.console
    draft, job = _draft(console), jobs_of(console).find(_JOB)
    classes = set(_classes(console))
    decisions = draft.decisions()
    relabelled = {each.suggested_label for each in decisions.values() if each.action == "relabel"}
    new = sorted(relabelled - classes)
    return call.html(
        "captures_drop.html",
        decisions=list(decisions.values()),
        counts=counts_of(draft, decisions),
        new_classes=new if classes else [],
        job=job.progress if job else None,
    )


def drop_next(call: Call) -> Response:
    console = call.console
    draft = _draft(console)
    if not draft.decisions():
        raise CliError("Nothing is decided yet.", "Label some photos first.")
    jobs_of(console).start(_JOB, lambda job: _drop_next(job, console, draft))
    return call.go_to(f"{_PATH}/drop")


def follow_drop(call: Call) -> JobFeed:
    return JobFeed(call, _JOB)


def _drop_next(job: Job, console: Console, draft: ReviewDraft) -> str:
    """As `dropserve review --apply` does it."""
    deployment = console.deployment

    def upload(dataset: Dataset) -> Drop:
        job.step("Uploading", dataset.size_bytes)
        dropped = upload_drop(deployment, dataset, sent=job.advance, say=job.say)
        job.step("Waiting for the run")
        return dropped

    job.step("Making the next dataset")
    photos = list_captures(deployment)
    followed = follow_review(deployment, photos, draft.file, None, upload=upload, say=job.say)
    if deployment.aws.is_local:
        local_target.wait_until_saved()
    run_id = followed.run.run_id if followed.run else ""
    job.say(f"The decisions are kept as {draft.put_away(run_id[:8] or 'handled')}")
    console.forget()
    return f"/runs/{run_id}" if run_id else _PATH


def _card(photo: CapturedPhoto, decision: Decision | None, at: int) -> PhotoCard:
    return PhotoCard(
        at=at,
        action_path=f"{_PATH}/decide",
        name=photo.name,
        label="",
        suggested_label=photo.label,
        suggested_action="keep",
        actions=("drop", "relabel"),
        why=photo.why,
        score=photo.unknown_score or 0.0,
        note=f"{moment(photo.captured_at)} UTC",
        picture=f"{_PATH}/photo?name={quote(photo.name, safe='')}",
        decision=decision,
    )


def _photos(console: Console) -> list[CapturedPhoto]:
    return console.recent("captured photos", lambda: list_captures(console.deployment), _LISTED_AGE_S)


def _find(console: Console, name: str) -> CapturedPhoto:
    for photo in _photos(console):
        if photo.name == name:
            return photo
    raise NotThereError(f"No photo {name} waits for a review.", "Load the page again.")


def _classes(console: Console) -> list[str]:
    """Of the live release; none where that is not known."""
    live = live_of(console)
    if live is None:
        return []
    uri = f"s3://{console.deployment.bucket}/{run_key(live.run_id, METRICS)}"

    def read() -> list[str]:
        try:
            return [str(each) for each in read_json(console.deployment, uri).get("classes", [])]
        except ClientError as error:
            if is_error(error, "NoSuchKey"):
                return []
            raise

    return console.recent(f"classes {live.run_id}", read, _CLASSES_AGE_S)


def _draft(console: Console) -> ReviewDraft:
    file = draft_file(console.deployment.bucket, CAPTURES.rstrip("/"))
    return console.kept(f"draft {file}", lambda: ReviewDraft(file))


PAGE = Page(
    "Captured photos",
    _PATH,
    (
        view(_PATH, show_captures),
        view(f"{_PATH}/photo", show_photo),
        action(f"{_PATH}/decide", decide),
        view(f"{_PATH}/drop", ask_before),
        action(f"{_PATH}/drop", drop_next),
        feed(f"{_PATH}/drop/feed", follow_drop),
    ),
    in_navigation=False,
)
