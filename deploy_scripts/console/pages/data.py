"""Data: the photos of a run to look at, decided one by one, and the drop that is made of the decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

from starlette.responses import Response

from contracts.bucket import RUN_ID
from deploy_scripts import local_target
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, view
from deploy_scripts.console.pages.runs import ledger_of
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
from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.captures import count_captures
from deploy_scripts.operations.drops.dropped import DroppedPhotos, download_drop, drop_of
from deploy_scripts.operations.drops.foresight import require_accepted
from deploy_scripts.operations.drops.review_drafts import ReviewDraft, draft_file
from deploy_scripts.operations.drops.reviews import review_dataset
from deploy_scripts.operations.drops.run_photos import MISTAKE, RunPhoto, RunPhotos, read_run_photos
from deploy_scripts.operations.drops.upload import upload_drop
from deploy_scripts.operations.runs.ledger import LedgerItem, read_item
from deploy_scripts.operations.runs.starts import wait_for_drop
from drops.review import Decision
from training.doctor.kinds import PHOTO_KINDS

_DECIDED = "decided"
_PHOTOS_AGE_S = 600.0
_RUNS_SHOWN = 100
_TITLES = {
    MISTAKE: "Mistakes on the test",
    **{kind: each.title for kind, each in PHOTO_KINDS.items()},
    _DECIDED: "Decided",
}
_ADVICE = {
    MISTAKE: "Test photos that the model takes for another class, the surest mistakes first: a wrong label, "
    "or a photo that is hard.",
    **{kind: each.advice for kind, each in PHOTO_KINDS.items()},
    _DECIDED: "What you have decided so far.",
}


@dataclass(frozen=True)
class Tab:
    """A kind of photos; `count` is how many there are, of which some may not be listed."""

    kind: str
    title: str
    count: int


@dataclass(frozen=True)
class Listing:
    """One page of one kind."""

    item: LedgerItem
    tabs: Sequence[Tab]
    kind: str
    title: str
    advice: str
    cards: Sequence[PhotoCard]
    page: int
    pages: int
    listed: int
    classes: Sequence[str]
    class_findings: Sequence[str]
    has_doctor: bool
    counts: Counts
    undecided: bool


def show_runs(call: Call) -> Response:
    console = call.console
    judged = [item for item in ledger_of(console) if item.run.accuracy is not None and item.key]
    waiting = console.recent("captures", lambda: count_captures(console.deployment), 10.0)
    return call.html("data.html", items=judged[:_RUNS_SHOWN], waiting=waiting)


def show_photos(call: Call) -> Response:
    return call.html("data_run.html", listing=_listing(call))


def show_photo(call: Call) -> Response:
    """A small picture of a photo of the drop, for the page."""
    item = _item(call)
    dropped = call.console.kept(
        f"run {item.run.run_id} dropped", lambda: DroppedPhotos(call.console.deployment, item)
    )
    return picture_answer(dropped.read(call.query.get("name", "")))


def decide(call: Call) -> Response:
    """Keep, drop or relabel one photo, or take the decision back; shows the photo as it is then."""
    item, name = _item(call), call.form.get("file", "")
    found = _photos(call.console, item)
    photo = next((each for kind in found.photos.values() for each in kind if each.name == name), None)
    if photo is None:
        raise NotThereError(f"The run has no finding about a photo {name}.", "Load the page again.")
    draft = _draft(call.console, item)
    chosen, label = call.form.get("action", ""), call.form.get("suggested", "").strip()
    if chosen == "undecide":
        draft.undecide(name)
    else:
        if chosen == "relabel" and label not in found.classes:
            raise CliError(
                f"There is no class {label!r}.",
                f"Choose one of the {len(found.classes)} classes of the drop.",
            )
        draft.decide(decided_of(name, photo.label, chosen, label, photo.why, photo.score))
    decisions = draft.decisions()
    card = _card(item, photo, decisions.get(name), place_of(call.form.get("at", "0")))
    return call.html(
        "data_decided.html",
        card=card,
        counts=counts_of(draft, decisions),
        drop_path=f"/data/{item.run.run_id}/drop",
    )


def take_suggestions(call: Call) -> Response:
    """Decide what is suggested for each photo of the page that is shown, unless it is decided already."""
    item, listing = _item(call), _listing(call)
    draft = _draft(call.console, item)
    draft.decide(
        *(
            decided_of(
                each.name, each.label, each.suggested_action, each.suggested_label, each.why, each.score
            )
            for each in listing.cards
            if each.decision is None
        )
    )
    return call.go_to(f"/data/{item.run.run_id}?{urlencode({'kind': listing.kind, 'page': listing.page})}")


def ask_before(call: Call) -> Response:
    """What is decided, before it is dropped; or how far the drop is."""
    item = _item(call)
    draft = _draft(call.console, item)
    decisions = draft.decisions()
    job = jobs_of(call.console).find(_job_name(item))
    return call.html(
        "data_drop.html",
        item=item,
        is_folder=drop_of(item).is_folder,
        decisions=list(decisions.values()),
        counts=counts_of(draft, decisions),
        job=job.progress if job else None,
    )


def drop_again(call: Call) -> Response:
    item, console = _item(call), call.console
    draft = _draft(console, item)
    if not draft.decisions():
        raise CliError("Nothing is decided yet.", "Decide about some photos first.")
    jobs_of(console).start(_job_name(item), lambda job: _drop_again(job, console, item, draft))
    return call.go_to(f"/data/{item.run.run_id}/drop")


def follow_drop(call: Call) -> JobFeed:
    return JobFeed(call, _job_name(_item(call)))


def _drop_again(job: Job, console: Console, item: LedgerItem, draft: ReviewDraft) -> str:
    """As `dropserve drop --review` does it, with what the run was trained on."""
    deployment = console.deployment
    with TemporaryDirectory() as folder:
        job.step("Fetching what was dropped")
        dropped = download_drop(deployment, item, Path(folder))
        job.step("Applying the review")
        dataset, applied = review_dataset(dropped, draft.file)
        for refusal in applied.refusals:
            job.say(f"Line {refusal.line} of {draft.file} was not followed: {refusal.why}")
        if not applied.done["drop"] and not applied.done["relabel"]:
            raise CliError(
                "The review changes nothing: no photo is dropped or relabelled.", "Decide on some."
            )
        require_accepted(dataset)
        job.step("Uploading", dataset.size_bytes)
        drop = upload_drop(deployment, dataset, sent=job.advance, say=job.say)
    job.step("Waiting for the run")
    begun = wait_for_drop(deployment, drop.key, drop.version_id)
    if deployment.aws.is_local:
        local_target.wait_until_saved()
    kept_as = draft.put_away(begun.run.run_id[:8])
    done = applied.done
    job.say(f"{done['drop']} photos dropped, {done['relabel']} relabelled, {done['keep']} kept: {kept_as}")
    console.forget()
    return f"/runs/{begun.run.run_id}"


def _listing(call: Call) -> Listing:
    item = _item(call)
    found, draft = _photos(call.console, item), _draft(call.console, item)
    decisions = draft.decisions()
    shown: dict[str, Sequence[RunPhoto]] = {**found.photos}
    everything = {each.name: each for kind in found.photos.values() for each in kind}
    shown[_DECIDED] = [everything[name] for name in decisions if name in everything]
    counts = {**found.counts, _DECIDED: len(shown[_DECIDED])}
    tabs = [Tab(kind, title, counts.get(kind, 0)) for kind, title in _TITLES.items() if counts.get(kind)]
    kind = call.query.get("kind") or call.form.get("kind") or (tabs[0].kind if tabs else MISTAKE)
    if kind not in _TITLES:
        raise NotThereError("There are no such photos.", "Choose a kind on the page.")
    photos = shown.get(kind, ())
    wanted = call.query.get("page") or call.form.get("page", "1")
    part = part_of(len(photos), wanted, ON_A_PAGE)
    cards = [
        _card(item, each, decisions.get(each.name), at)
        for at, each in enumerate(photos[part.first : part.last])
    ]
    return Listing(
        item=item,
        tabs=tabs,
        kind=kind,
        title=_TITLES[kind],
        advice=_ADVICE[kind],
        cards=cards,
        page=part.page,
        pages=part.pages,
        listed=len(photos),
        classes=found.classes,
        class_findings=found.class_findings,
        has_doctor=found.has_doctor,
        counts=counts_of(draft, decisions),
        undecided=any(each.decision is None for each in cards),
    )


def _card(item: LedgerItem, photo: RunPhoto, decision: Decision | None, at: int) -> PhotoCard:
    address = f"/data/{item.run.run_id}/photo?name="
    return PhotoCard(
        at=at,
        action_path=f"/data/{item.run.run_id}/decide",
        name=photo.name,
        label=photo.label,
        suggested_label=photo.suggested_label,
        suggested_action=photo.action,
        why=photo.why,
        score=photo.score,
        note=f"{photo.split}{', left out of training' if photo.left_out else ''}",
        picture=_picture(photo.thumbnail) or address + quote(photo.name, safe=""),
        like=photo.like,
        like_picture=(_picture(photo.like_thumbnail) or address + quote(photo.like, safe=""))
        if photo.like
        else "",
        decision=decision,
    )


def _picture(thumbnail: str | None) -> str:
    return f"data:image/jpeg;base64,{thumbnail}" if thumbnail else ""


def _photos(console: Console, item: LedgerItem) -> RunPhotos:
    """They never change once a run has been judged."""
    run_id = item.run.run_id
    return console.recent(
        f"photos {run_id}", lambda: read_run_photos(console.deployment, run_id), _PHOTOS_AGE_S
    )


def _item(call: Call) -> LedgerItem:
    run_id = call.path["run_id"]
    if not re.fullmatch(RUN_ID, run_id):
        raise NotThereError(f"There is no run {run_id}.", "See them all on the page Runs.")
    console = call.console
    return console.recent(f"item {run_id}", lambda: read_item(console.deployment, run_id), 60.0)


def _draft(console: Console, item: LedgerItem) -> ReviewDraft:
    file = draft_file(console.deployment.bucket, item.run.run_id)
    return console.kept(f"draft {file}", lambda: ReviewDraft(file))


def _job_name(item: LedgerItem) -> str:
    return f"drop again {item.run.run_id}"


PAGE = Page(
    "Data",
    "/data",
    (
        view("/data", show_runs),
        view("/data/{run_id}", show_photos),
        view("/data/{run_id}/photo", show_photo),
        action("/data/{run_id}/decide", decide),
        action("/data/{run_id}/suggestions", take_suggestions),
        view("/data/{run_id}/drop", ask_before),
        action("/data/{run_id}/drop", drop_again),
        feed("/data/{run_id}/drop/feed", follow_drop),
    ),
)
