"""The doctor's findings: of a drop on this machine, or of a run, and as files for a person."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from contracts.bucket import DOCTOR, REVIEW
from contracts.training_job import weights_file
from deploy_scripts.errors import CliError
from deploy_scripts.extras import require_local_extra
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.ledger import find_item
from deploy_scripts.operations.s3_documents import download_run_files
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from deploy_scripts.project import ROOT
from functions.common.json_text import parse_json

DOCTOR_PAGE = "doctor.html"


@dataclass(frozen=True)
class DoctorFindings:
    """doctor.json's content, and review.csv's."""

    document: dict[str, Any]
    review: str


def examine_on_this_machine(path: Path, on_progress: Callable[[int, int], None]) -> DoctorFindings:
    """Of a zip or folder, by the extra `local`. Raises CliError where training would fail."""
    require_local_extra()
    from training.doctor.whole_drop import examine_drop  # noqa: PLC0415 - torch takes seconds
    from training.failures import TrainingError  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / weights_file(SHIPPED_BACKBONE)).symlink_to(shipped_weights())
        try:
            report = examine_drop(path, Path(folder), SHIPPED_BACKBONE, on_progress)
        except TrainingError as error:
            raise CliError(f"{path}: {error}.", "Correct the dataset first.") from error
    return DoctorFindings(report.document, report.review)


def read_run_findings(deployment: Deployment, run: str) -> DoctorFindings:
    """Of a training. Raises CliError when it left none."""
    run_id = find_item(deployment, run).run.run_id
    findings = find_run_findings(deployment, run_id)
    if findings is None:
        raise CliError(
            f"The run {run_id} has no {DOCTOR}: it has not been judged, or was trained before there was one.",
            "Give `dropserve doctor` the zip instead.",
        )
    return findings


def find_run_findings(deployment: Deployment, run_id: str) -> DoctorFindings | None:
    """Of a training; None when it left none. Raises CliError when they are malformed."""
    with tempfile.TemporaryDirectory() as folder:
        files = download_run_files(deployment, run_id, [DOCTOR, REVIEW], to=Path(folder))
        texts = {file.name: file.read_bytes() for file in files}
    if len(texts) < 2:
        return None
    return DoctorFindings(_checked(texts[DOCTOR], run_id), texts[REVIEW].decode("utf-8", "replace"))


def _checked(text: bytes, run_id: str) -> dict[str, Any]:
    schema = json.loads((ROOT / "schemas" / "doctor.schema.json").read_text("utf-8"))
    try:
        document: dict[str, Any] = parse_json(text)
        jsonschema.validate(document, schema)
    except (ValueError, jsonschema.ValidationError) as error:
        why = error.message if isinstance(error, jsonschema.ValidationError) else str(error)
        raise CliError(
            f"The {DOCTOR} of the run {run_id} is malformed: {why}.",
            "Something else wrote it: run the pipeline again.",
        ) from error
    return document


def write_files(findings: DoctorFindings, folder: Path) -> list[Path]:
    """The page and the list to correct. Raises CliError rather than write over one that may be corrected."""
    from training.report.doctor import render_doctor_page  # noqa: PLC0415 - of training, but without torch

    page, review = folder / DOCTOR_PAGE, folder / REVIEW
    if review.exists():
        raise CliError(
            f"{review} is there already, and may have your corrections.",
            "Move it away, or name another folder: --to FOLDER.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(render_doctor_page(findings.document), "utf-8")
    review.write_text(findings.review, "utf-8")
    return [page, review]
