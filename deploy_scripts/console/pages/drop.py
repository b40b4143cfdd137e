"""Drop: a dataset from the browser or this machine, looked at and planned before it goes up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.responses import HTMLResponse, JSONResponse, Response

from contracts.bucket import REVIEW
from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, upload, view
from deploy_scripts.console.security import REPORT_POLICY
from deploy_scripts.console.uploads import Upload, uploads_of
from deploy_scripts.errors import CliError, explain
from deploy_scripts.operations.drops.doctor import DOCTOR_PAGE
from drops.limits import MAX_TOTAL_BYTES
from functions.common.errors import DropserveError

# One file of a folder; training leaves much smaller photos out already.
_MOST_FILE_BYTES = 1024**3
# Of each kind of the doctor's; its own page has more, and review.csv all.
_FINDINGS_SHOWN = 5


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


def examine(call: Call) -> Response:
    """Start the doctor; the page then follows it."""
    found = _upload_of(call)
    uploads_of(call.console).examine(found)
    return call.html("drop_doctor.html", **_doctor_values(found))


@dataclass(frozen=True)
class DoctorFeed:
    """How far the doctor is, then what it found."""

    call: Call

    @property
    def ended(self) -> bool:
        doctor = _upload_of(self.call).doctor
        return doctor is None or doctor.ended

    def read(self) -> Mapping[str, str]:
        return {"doctor": self.call.text("drop_doctor_part.html", **_doctor_values(_upload_of(self.call)))}


def show_doctor_file(call: Call) -> Response:
    """The doctor's page, in a sandbox, or the list to correct and hand back."""
    found, name = _upload_of(call), call.path["name"]
    if not found.doctor or not found.doctor.findings or name not in {DOCTOR_PAGE, REVIEW}:
        raise NotThereError("The doctor has not written this.", "Have it look at the photos first.")
    if name == REVIEW:
        headers = {"content-disposition": f'attachment; filename="{REVIEW}"'}
        return Response(found.doctor.findings.review, media_type="text/csv; charset=utf-8", headers=headers)
    from training.report.doctor import render_doctor_page  # noqa: PLC0415 - of training, but without torch

    page = render_doctor_page(found.doctor.findings.document)
    return HTMLResponse(page, headers={"content-security-policy": REPORT_POLICY})


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
    values = {"inspected": inspected, "planned": planned, "no_plan": no_plan}
    return {**values, **_doctor_values(found)}


def _doctor_values(found: Upload) -> dict[str, Any]:
    """Kinds of findings, each with its title, advice, count and first few."""
    kinds: list[dict[str, Any]] = []
    if found.doctor and found.doctor.findings:
        from training.doctor.kinds import CLASS_KINDS, PHOTO_KINDS  # noqa: PLC0415 - of training, without torch

        document = found.doctor.findings.document
        all_found = [*document["photo_findings"], *document["class_findings"]]
        kinds = [
            {
                "title": kind.title,
                "advice": kind.advice,
                "count": document["counts"][name],
                "first": [each for each in all_found if each["kind"] == name][:_FINDINGS_SHOWN],
            }
            for name, kind in {**PHOTO_KINDS, **CLASS_KINDS}.items()
            if document["counts"].get(name)
        ]
    return {"upload": found, "doctor": found.doctor, "kinds": kinds}


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
        action("/drop/{upload_id}/doctor", examine),
        feed("/drop/{upload_id}/doctor/feed", DoctorFeed),
        view("/drop/{upload_id}/doctor/{name}", show_doctor_file),
    ),
)
