"""What the pages of photos to decide about share: a photo's card, the counts, a page of many, a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from deploy_scripts.console.page import Call, NotThereError
from deploy_scripts.console.parts.jobs import jobs_of
from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops.review_drafts import ReviewDraft
from deploy_scripts.operations.drops.thumbnails import make_thumbnail
from drops.review import ACTIONS, Action, Decision

ON_A_PAGE = 24
# A photo of a drop or a capture never changes under its name; the browser alone may keep its picture.
_KEPT = "private, max-age=3600"


@dataclass(frozen=True)
class PhotoCard:
    """A photo as a page shows it. `at` tells the cards of a page apart; `picture` is an address."""

    at: int
    action_path: str
    name: str
    label: str
    suggested_label: str
    suggested_action: Action
    why: str
    score: float
    note: str
    picture: str
    decision: Decision | None
    actions: Sequence[Action] = ACTIONS
    like: str | None = None
    like_picture: str = ""

    @property
    def chosen_label(self) -> str:
        """What stands in the field of the class."""
        if self.decision and self.decision.action == "relabel":
            return self.decision.suggested_label
        return self.suggested_label


@dataclass(frozen=True)
class Counts:
    """How many photos are decided, by action, and the file that says so."""

    keep: int
    drop: int
    relabel: int
    file: str

    @property
    def total(self) -> int:
        return self.keep + self.drop + self.relabel


def counts_of(draft: ReviewDraft, decisions: Mapping[str, Decision]) -> Counts:
    """Of the draft's decisions, as they were read."""
    counted = Counter(each.action for each in decisions.values())
    return Counts(counted["keep"], counted["drop"], counted["relabel"], str(draft.file))


def place_of(at: str) -> int:
    """A card's place on its page, as its form tells it."""
    return int(at) if at.isascii() and at.isdigit() else 0


def decided_of(  # noqa: PLR0913, PLR0917 - the columns of review.csv
    name: str, label: str, action: str, suggested_label: str, why: str, score: float
) -> Decision:
    """A decision as the page's form tells it. Raises CliError for an action that there is not."""
    for known in ACTIONS:
        if action == known:
            suggested = suggested_label if known == "relabel" else ""
            return Decision(known, name, label, suggested, why, score)
    raise CliError(f"{action!r} is no decision.", f"Choose one of {', '.join(ACTIONS)}.")


def picture_answer(photo: bytes) -> Response:
    """A small picture of a photo. Raises NotThereError for what cannot be decoded."""
    thumbnail = make_thumbnail(photo)
    if not thumbnail:
        raise NotThereError("The photo cannot be decoded.")
    return Response(thumbnail, media_type="image/jpeg", headers={"cache-control": _KEPT})


class JobFeed:
    """The progress of a job, until it has ended."""

    def __init__(self, call: Call, name: str) -> None:
        job = jobs_of(call.console).find(name)
        if job is None:
            raise NotThereError("Nothing is under way.", "Load the page again.")
        self._call, self._job = call, job

    @property
    def ended(self) -> bool:
        return self._job.progress.ended

    def read(self) -> Mapping[str, str]:
        return {"job": self._call.text("job.html", job=self._job.progress)}
