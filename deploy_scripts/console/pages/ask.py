"""Ask: what the live model says about a photo, why, and what the request took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from deploy_scripts.console.page import Call, Page, action, upload, view
from deploy_scripts.console.parts.same_question import Snippet, ask_by_address, ask_by_file
from deploy_scripts.errors import CliError
from deploy_scripts.operations.predictions import (
    MAX_PHOTO_BYTES,
    Prediction,
    predict_content,
    predict_photo,
)
from deploy_scripts.operations.releases.live import read_live
from drops.text import printable

_LONGEST_ADDRESS = 8000
# A longer one stays out of the browser's address: some cut it.
_LONGEST_LINK = 2000
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Answer:
    """What the page shows of a prediction. `photo` is what the person calls it."""

    photo: str
    prediction: Prediction
    snippets: Sequence[Snippet]

    @property
    def document(self) -> dict[str, Any]:
        return self.prediction.document


def show_ask(call: Call) -> Response:
    live = call.console.recent("live", lambda: read_live(call.console.deployment))
    url = call.query.get("url", "")[:_LONGEST_ADDRESS]
    return call.html("ask.html", live=live, url=url, explain=call.query.get("explain") == "on")


def ask_about_address(call: Call) -> Response:
    url, explain = call.form.get("url", "").strip(), call.form.get("explain") == "on"
    if "://" not in url or len(url) > _LONGEST_ADDRESS:
        raise CliError(
            "This is no address of a photo.",
            "Paste one that begins with https://, http:// or s3://, or choose a file.",
        )
    console = call.console
    prediction = predict_photo(console.deployment, url, explain=explain, timed=True)
    answer = Answer(url, prediction, ask_by_address(console, url, explain=explain))
    response = call.html("ask_answer.html", answer=answer)
    link = f"/ask?{urlencode({'url': url, **({'explain': 'on'} if explain else {})})}"
    if len(link) <= _LONGEST_LINK:
        response.headers["HX-Replace-Url"] = link
    return response


def ask_about_photo(call: Call, file: Path) -> Response:
    name = PurePosixPath(printable(call.query.get("name", ""), _LONGEST_NAME)).name or "photo"
    explain = call.query.get("explain") == "on"
    photo = file.read_bytes()
    if not photo:
        raise CliError(f"{name} is empty.", "Choose a photo.")
    prediction = predict_content(call.console.deployment, photo, name, explain=explain, timed=True)
    answer = Answer(name, prediction, ask_by_file(call.console, name, explain=explain))
    return call.html("ask_answer.html", answer=answer)


PAGE = Page(
    "Ask",
    "/ask",
    (
        view("/ask", show_ask),
        action("/ask", ask_about_address),
        upload("/ask/photo", MAX_PHOTO_BYTES, ask_about_photo),
    ),
)
