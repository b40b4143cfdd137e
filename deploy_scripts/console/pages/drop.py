"""Drop: a dataset from the browser or this machine, looked at and planned before it goes up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.responses import JSONResponse, Response

from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, upload, view
from deploy_scripts.console.uploads import Upload, uploads_of
from deploy_scripts.errors import CliError, explain
from drops.limits import MAX_TOTAL_BYTES
from functions.common.errors import DropserveError

# One file of a folder; training leaves much smaller photos out already.
_MOST_FILE_BYTES = 1024**3


def show_form(call: Call) -> Response:
    return call.html("drop.html")


def receive_zip(call: Call, file: Path) -> Response:
    return _next(uploads_of(call.console).take_file(file, call.query.get("name", "")))


def begin_folder(call: Call) -> Response:
    return _next(uploads_of(call.console).begin_folder(call.form.get("name", "")))


def receive_part(call: Call, file: Path) -> Response:
    uploads_of(call.console).take_part(_upload_of(call), file, call.query.get("path", ""))
    return Response(status_code=204)


def take_path(call: Call) -> Response:
    path = call.form.get("path", "").strip()
    if not path:
        raise CliError("No path was given.", "Name a zip, or a folder with one folder a class.")
    return call.go_to(f"/drop/{uploads_of(call.console).take_path(Path(path)).upload_id}")


def show_upload(call: Call) -> Response:
    return call.html("drop_review.html", **_values(call, _upload_of(call)))


def start(call: Call) -> Response:
    found = _upload_of(call)
    if found.inspect().errors:
        raise CliError("The pipeline would refuse this dataset.", "Correct it and drop it again.")
    uploads_of(call.console).start(found, call.form.get("name", "").strip())
    return call.go_to(f"/drop/{found.upload_id}")


def go_to_run(call: Call) -> Response:
    """Where the page goes by itself once the run has begun."""
    return call.go_to(f"/runs/{_upload_of(call).run_id}")


@dataclass(frozen=True)
class SendingFeed:
    """How far the upload is."""

    call: Call

    @property
    def ended(self) -> bool:
        return _upload_of(self.call).stage in {"started", "failed"}

    def read(self) -> Mapping[str, str]:
        found = _upload_of(self.call)
        return {"sending": self.call.text("drop_sending.html", upload=found)}


def _upload_of(call: Call) -> Upload:
    found = uploads_of(call.console).find(call.path["upload_id"])
    if found is None:
        raise NotThereError(
            "The console does not have this dataset (any more): it keeps one until it ends.",
            "Drop it again.",
        )
    return found


def _values(call: Call, found: Upload) -> dict[str, Any]:
    """What drop_review.html wants; a plan that cannot be made is told in its place."""
    if found.stage not in {"ready", "failed"}:
        return {"upload": found}
    inspected, planned, no_plan = found.inspect(), None, None
    if not inspected.errors:
        try:
            planned = found.plan(call.console)
        except (ClientError, BotoCoreError, CliError, DropserveError) as error:
            no_plan = explain(error)
    return {"upload": found, "inspected": inspected, "planned": planned, "no_plan": no_plan}


def _next(found: Upload) -> Response:
    """Where console.js leads to; the files of a folder follow first."""
    return JSONResponse({"next": f"/drop/{found.upload_id}"})


PAGE = Page(
    "Drop",
    "/drop",
    (
        view("/drop", show_form),
        upload("/drop/zip", MAX_TOTAL_BYTES, receive_zip),
        action("/drop/folder", begin_folder),
        action("/drop/path", take_path),
        upload("/drop/{upload_id}/file", _MOST_FILE_BYTES, receive_part),
        view("/drop/{upload_id}", show_upload),
        action("/drop/{upload_id}/start", start),
        feed("/drop/{upload_id}/feed", SendingFeed),
        view("/drop/{upload_id}/run", go_to_run),
    ),
)
