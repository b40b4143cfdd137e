"""`dropserve doctor`: of a drop on this machine, by made findings, and of a run, by its files."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.bucket import DOCTOR, REVIEW, run_key
from deploy_scripts import cli
from deploy_scripts.commands.checks import doctor as doctor_command
from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops import doctor as operations
from deploy_scripts.operations.drops.doctor import DoctorFindings
from drops.review import Decision, write_review
from drops.text import is_unsafe

KINDS = (
    "label_error",
    "test_label_error",
    "near_duplicate",
    "scene_across_splits",
    "outlier",
    "blank",
    "dark",
    "blurry",
    "confusable_classes",
    "few_photos",
)


def make_findings(photo: str = "cat/1.jpg", label: str = "cat") -> DoctorFindings:
    """One wrong label and one pair of classes."""
    finding = {
        "kind": "label_error",
        "action": "relabel",
        "photo": photo,
        "split": "train",
        "label": label,
        "suggested_label": "dog",
        "like": None,
        "left_out": False,
        "score": 0.9,
        "why": f"by the other photos it is dog (90%) rather than {label}",
        "thumbnail": "aGVsbG8=",
        "like_thumbnail": None,
    }
    classes = {"kind": "confusable_classes", "classes": [label, "dog"], "score": 0.4, "why": "40% are taken"}
    document = {
        "schema_version": 1,
        "run_id": "before-a-run",
        "classes": [label, "dog"],
        "photos": {"train": 10, "valid": 2, "test": 3},
        "labels_checked": 15,
        "test_labels_checked": 0,
        "counts": {**dict.fromkeys(KINDS, 0), "label_error": 1, "confusable_classes": 1},
        "photo_findings": [finding],
        "class_findings": [classes],
    }
    return DoctorFindings(document, write_review([Decision("relabel", photo, label, "dog")]))


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(cli.make_app(["doctor"]), list(map(str, arguments)))


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A drop of which the findings are made."""
    monkeypatch.setattr(doctor_command, "examine_on_this_machine", lambda path, on_progress: make_findings())
    drop = tmp_path / "photos.zip"
    drop.touch()
    return drop


def test_a_drop_gets_a_page_and_a_list(examined: Path, tmp_path: Path) -> None:
    result = invoke("doctor", examined, "--to", tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert "Probably wrong labels: 1" in result.output
    assert "cat/1.jpg" in result.output and "cat, dog" in result.output
    page = (tmp_path / "out" / "doctor.html").read_text("utf-8")
    assert "cat/1.jpg" in page and "data:image/jpeg;base64,aGVsbG8=" in page
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "review.csv").read_text("utf-8"))))
    assert [(row["action"], row["file"], row["suggested_label"]) for row in rows] == [
        ("relabel", "cat/1.jpg", "dog")
    ]


def test_a_list_that_may_be_corrected_is_not_written_over(examined: Path, tmp_path: Path) -> None:
    (tmp_path / "review.csv").write_text("mine")

    result = invoke("doctor", examined, "--to", tmp_path)

    assert isinstance(result.exception, CliError)
    assert "is there already" in str(result.exception)
    assert (tmp_path / "review.csv").read_text() == "mine"


def test_json_has_the_whole_document_and_writes_nothing(
    examined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = invoke("doctor", examined, "--json")

    assert json.loads(result.stdout) == make_findings().document
    assert not (tmp_path / "review.csv").exists()


@pytest.mark.parametrize("unclean", ["\x1b[2J", "\u202egnp", "<script>", "\n"], ids=ascii)
def test_names_are_cleaned_on_screen_and_page(unclean: str, tmp_path: Path, monkeypatch: Any) -> None:
    name = f"a{unclean}b"
    monkeypatch.setattr(doctor_command, "_find", lambda *_: make_findings(name, name))

    result = invoke("doctor", "RUN", "--to", tmp_path)

    texts = [result.output, (tmp_path / "doctor.html").read_text("utf-8")]
    assert result.exit_code == 0, result.output
    assert not any(is_unsafe(character) for text in texts for character in text if character != "\n")
    assert "<script>" not in texts[1] and name not in texts[1]


def read_run(item: Any, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> DoctorFindings:
    def download(deployment: Any, run_id: str, names: list[str], *, to: Path) -> list[Path]:
        assert names == [DOCTOR, REVIEW] and run_key(run_id)
        for name, content in files.items():
            (to / name).write_bytes(content)
        return [to / name for name in files]

    monkeypatch.setattr(operations, "download_run_files", download)
    monkeypatch.setattr(operations, "find_item", lambda deployment, run: item)
    return operations.read_run_findings(None, "abc")  # type: ignore[arg-type]


class Item:
    """A run of the ledger, as far as it is asked for."""

    class run:  # noqa: N801
        run_id = "a" * 32


def test_a_runs_findings_are_read_from_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_findings()
    files = {DOCTOR: json.dumps(made.document).encode(), REVIEW: made.review.encode()}

    assert read_run(Item, monkeypatch, files) == made


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "has no doctor.json"),
        ({DOCTOR: b"[]", REVIEW: b""}, "malformed"),
        ({DOCTOR: b"{", REVIEW: b""}, "malformed"),
    ],
)
def test_a_run_without_findings_says_so(
    files: dict[str, bytes], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CliError, match=why):
        read_run(Item, monkeypatch, files)
