"""Data: the photos of a run, decided one by one; the drop that follows; captured photos."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from deploy_scripts.console.context import Console
from deploy_scripts.console.pages import captures as captures_page
from deploy_scripts.console.pages import data as data_page
from deploy_scripts.console.parts.jobs import Progress, jobs_of
from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures import applied_captures, capture_reviews
from deploy_scripts.operations.captures.captures import CapturedPhoto
from deploy_scripts.operations.drops.dataset_files import DatasetFiles
from deploy_scripts.operations.drops.dropped import DroppedVersion
from deploy_scripts.operations.drops.review_drafts import draft_file
from deploy_scripts.operations.drops.run_photos import RunPhoto, RunPhotos
from deploy_scripts.operations.drops.upload import Dataset, Drop
from deploy_scripts.operations.runs.ledger import LedgerItem, Run
from drops.review import read_review

RUN = "a" * 32
NEW_RUN = "b" * 32
HOSTILE = "<script>alert(1)</script>\x1b\u202e"
WRONG = RunPhoto("mistake", "cat/1.jpg", "test", "cat", "dog", "keep", "the model says dog", 0.9)
LABEL = RunPhoto("label_error", "dog/2.jpg", "train", "dog", "cat", "relabel", "by the others", 0.8)
CAPTURED = CapturedPhoto(
    "2026-01-31/00001-abcdef01.jpg", ("k",), "1" * 64, 9, HOSTILE, "cat", 0.4, True, 3.0, "r", "2026-01-31"
)


def jpeg(green: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (640, 480), (255, green, 0)).save(stream, "JPEG")
    return stream.getvalue()


# As few photos as the pipeline takes, and one more of each class.
PETS = {f"{label}/{number}.jpg": jpeg(16 * number) for label in ("cat", "dog") for number in range(1, 7)}


def pets_zip(file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in PETS.items():
            archive.writestr(name, content)
    return file


@pytest.fixture(autouse=True)
def faked(stubbed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run with two photos to look at; drafts lie in the test's own folder."""
    monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))
    found = RunPhotos(
        ["cat", "dog", HOSTILE],
        {"mistake": [WRONG], "label_error": [LABEL]},
        {"mistake": 1, "label_error": 700},
        [f"{HOSTILE} has 3 photos"],
    )
    item = ledger_item(RUN)
    monkeypatch.setattr(data_page, "read_run_photos", lambda deployment, run_id: found)
    monkeypatch.setattr(data_page, "read_item", lambda deployment, run_id: item)


def ledger_item(run_id: str, key: str = "drops/pets.zip") -> LedgerItem:
    run = Run(run_id, "pets", "drop", None, "live", None, 0.9, None, "2026-01-01T00:00:00Z", None)
    return LedgerItem(run, "", "dropserve-data", key, "v1")


@pytest.fixture
def decide(browser: TestClient, own: dict[str, str]) -> Callable[..., Any]:
    def post(file: str, action: str, label: str = "") -> Any:
        form = {"file": file, "action": action, "suggested": label, "at": "0"}
        return browser.post(f"/data/{RUN}/decide", data=form, headers={**own, "HX-Request": "true"})

    return post


def decisions(name: str = RUN) -> dict[str, tuple[str, str]]:
    found, refusals = read_review(draft_file("dropserve-data", name).read_text("utf-8"))
    assert not refusals
    return {each.file: (each.action, each.suggested_label) for each in found}


def wait(console: Console, name: str) -> Progress:
    job = jobs_of(console).find(name)
    assert job
    until = time.monotonic() + 30
    while not job.progress.ended and time.monotonic() < until:
        time.sleep(0.01)
    assert job.progress.ended
    return job.progress


def test_photos_are_shown_by_kind_with_what_is_suggested(browser: TestClient) -> None:
    page = browser.get(f"/data/{RUN}").text
    assert "the model says dog" in page and "cat/1.jpg" in page and "dog/2.jpg" not in page
    assert "Mistakes on the test" in page and ">700<" in page
    assert f'src="/data/{RUN}/photo?name=cat%2F1.jpg"' in page
    assert "dog/2.jpg" in browser.get(f"/data/{RUN}?kind=label_error").text
    assert "<script>alert" not in page and "\x1b" not in page and "\u202e" not in page
    assert browser.get(f"/data/{RUN}?kind=nonsense").status_code == 404
    assert browser.get("/data/nonsense").status_code == 404


def test_a_decision_is_on_disk_at_once_and_can_be_taken_back(decide: Callable[..., Any]) -> None:
    part = decide(WRONG.name, "relabel", "dog").text
    assert "1 to relabel" in part and 'id="photo-0"' in part and "<html" not in part
    assert decisions() == {WRONG.name: ("relabel", "dog")}
    decide(WRONG.name, "drop")
    decide(LABEL.name, "keep")
    assert decisions() == {WRONG.name: ("drop", ""), LABEL.name: ("keep", "")}
    assert "1 decided" in decide(LABEL.name, "undecide").text
    assert decisions() == {WRONG.name: ("drop", "")}


@pytest.mark.parametrize(
    ("file", "action", "label", "why"),
    [
        (WRONG.name, "relabel", "", "There is no class"),
        (WRONG.name, "relabel", "horse", "There is no class &#39;horse&#39;"),
        (WRONG.name, "bury", "", "is no decision"),
        ("../etc/passwd", "drop", "", "no finding about a photo"),
    ],
)
def test_what_is_no_decision_is_refused(
    decide: Callable[..., Any], file: str, action: str, label: str, why: str
) -> None:
    answer = decide(file, action, label)
    assert answer.status_code in {404, 422} and why in answer.text
    assert not draft_file("dropserve-data", RUN).exists()


def test_the_suggestions_of_a_page_leave_what_is_decided(
    browser: TestClient, own: dict[str, str], decide: Callable[..., Any]
) -> None:
    form = {"kind": "label_error", "page": "1"}
    browser.post(f"/data/{RUN}/suggestions", data=form, headers=own)
    assert decisions() == {LABEL.name: ("relabel", "cat")}
    decide(LABEL.name, "drop")
    browser.post(f"/data/{RUN}/suggestions", data=form, headers=own)
    assert decisions() == {LABEL.name: ("drop", "")}


def test_a_draft_that_was_spoiled_by_hand_is_told_with_its_line(
    browser: TestClient, decide: Callable[..., Any]
) -> None:
    decide(WRONG.name, "drop")
    draft_file("dropserve-data", RUN).write_text("action,file\nbury,cat/1.jpg\n", "utf-8")
    answer = browser.get(f"/data/{RUN}")
    assert answer.status_code == 422 and "line 2" in answer.text


def test_the_reviewed_drop_is_made_of_the_zip_of_the_run(
    browser: TestClient,
    own: dict[str, str],
    decide: Callable[..., Any],
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropped: dict[str, Any] = {}

    def download(deployment: Any, item: LedgerItem, folder: Path) -> Dataset:
        return Dataset("pets.zip", pets_zip(folder / "dropped.zip"))

    def upload(deployment: Any, dataset: Dataset, *, sent: Any, say: Any) -> Drop:
        sent(dataset.size_bytes)
        with zipfile.ZipFile(dataset.source) as archive:
            dropped.update(name=dataset.name, photos=sorted(archive.namelist()))
        return Drop("drops/pets.zip", "v2")

    monkeypatch.setattr(data_page, "download_drop", download)
    monkeypatch.setattr(data_page, "upload_drop", upload)
    monkeypatch.setattr(data_page, "wait_for_drop", lambda *dropped: ledger_item(NEW_RUN))
    monkeypatch.setattr(data_page.local_target, "wait_until_saved", lambda: None)
    decide(WRONG.name, "relabel", "dog")
    decide(LABEL.name, "drop")
    file = draft_file("dropserve-data", RUN)

    before = browser.get(f"/data/{RUN}/drop").text
    assert "1 to drop, 1 to relabel" in before and f"dropserve drop pets.zip --review {file}" in before
    answer = browser.post(f"/data/{RUN}/drop", headers=own, follow_redirects=False)
    assert answer.headers["location"] == f"/data/{RUN}/drop"
    progress = wait(console, f"drop again {RUN}")

    assert progress.error is None and progress.result == f"/runs/{NEW_RUN}"
    left = PETS.keys() - {WRONG.name, LABEL.name}
    assert dropped == {"name": "pets.zip", "photos": sorted([*left, "dog/1-2.jpg"])}
    after = browser.get(f"/data/{RUN}/drop").text
    assert f'href="/runs/{NEW_RUN}"' in after
    assert not file.exists() and file.with_name(f"{RUN}-{NEW_RUN[:8]}.csv").exists()


def test_a_drop_that_fails_keeps_the_decisions(
    browser: TestClient,
    own: dict[str, str],
    decide: Callable[..., Any],
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*arguments: Any) -> Any:
        raise CliError(f"The drop is gone: {HOSTILE}.", "Use the zip itself.")

    monkeypatch.setattr(data_page, "download_drop", gone)
    decide(WRONG.name, "drop")
    browser.post(f"/data/{RUN}/drop", headers=own)
    wait(console, f"drop again {RUN}")
    page = browser.get(f"/data/{RUN}/drop").text
    assert "The drop is gone" in page and "Use the zip itself." in page and "<script>alert" not in page
    assert decisions() == {WRONG.name: ("drop", "")}


def test_without_a_decision_nothing_is_dropped(browser: TestClient, own: dict[str, str]) -> None:
    answer = browser.post(f"/data/{RUN}/drop", headers=own)
    assert answer.status_code == 422 and "Nothing is decided yet." in answer.text


def test_a_folder_is_dropped_again_as_a_folder(  # noqa: PLR0917 - fixtures
    browser: TestClient,
    own: dict[str, str],
    decide: Callable[..., Any],
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    dropped: list[str] = []
    photo = tmp_path / "photo"
    photo.write_bytes(jpeg())
    folder = Dataset("pets", tmp_path, DatasetFiles(dict.fromkeys(PETS, photo)))

    def upload(deployment: Any, dataset: Dataset, *, sent: Any, say: Any) -> Drop:
        assert dataset.folder
        dropped.extend([dataset.name, *sorted(dataset.folder.files)])
        return Drop("drops/pets/_SUCCESS", "v2")

    monkeypatch.setattr(data_page, "read_item", lambda *asked: ledger_item(RUN, "drops/pets/_SUCCESS"))
    monkeypatch.setattr(data_page, "download_drop", lambda *asked: folder)
    monkeypatch.setattr(data_page, "upload_drop", upload)
    monkeypatch.setattr(data_page, "wait_for_drop", lambda *dropped: ledger_item(NEW_RUN))
    monkeypatch.setattr(data_page.local_target, "wait_until_saved", lambda: None)
    decide(LABEL.name, "drop")

    page = browser.get(f"/data/{RUN}/drop").text
    assert "dropserve drop FOLDER --name pets --review" in page and "S3 keeps it as older versions" in page
    browser.post(f"/data/{RUN}/drop", headers=own)
    assert wait(console, f"drop again {RUN}").result == f"/runs/{NEW_RUN}"
    assert dropped == ["pets", *sorted(PETS.keys() - {LABEL.name})]


def test_what_the_pipeline_would_reject_is_not_dropped(
    browser: TestClient,
    own: dict[str, str],
    decide: Callable[..., Any],
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def download(deployment: Any, item: LedgerItem, folder: Path) -> Dataset:
        file = folder / "dropped.zip"
        with zipfile.ZipFile(file, "w") as archive:
            for name in (WRONG.name, "cat/3.jpg", LABEL.name, "dog/4.jpg"):
                archive.writestr(name, jpeg())
        return Dataset("pets.zip", file)

    monkeypatch.setattr(data_page, "download_drop", download)
    monkeypatch.setattr(data_page, "upload_drop", lambda *_, **__: pytest.fail("it was dropped"))
    decide(LABEL.name, "drop")
    browser.post(f"/data/{RUN}/drop", headers=own)
    wait(console, f"drop again {RUN}")
    page = browser.get(f"/data/{RUN}/drop").text
    assert "nothing was dropped" in page and "each class needs 5 photos" in page
    assert decisions() == {LABEL.name: ("drop", "")}


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[CapturedPhoto]:
    """One photo waits; gives those that are removed."""
    removed: list[CapturedPhoto] = []
    for module in (captures_page, applied_captures):
        monkeypatch.setattr(module, "list_captures", lambda deployment: [CAPTURED], raising=False)
        monkeypatch.setattr(module, "read_photo", lambda deployment, photo: jpeg())
    monkeypatch.setattr(capture_reviews, "remove_captures", lambda deployment, gone: removed.extend(gone))
    monkeypatch.setattr(captures_page, "live_of", lambda console: None)
    monkeypatch.setattr(captures_page.local_target, "wait_until_saved", lambda: None)
    return removed


def test_captured_photos_are_shown_small_and_their_source_stays_text(
    browser: TestClient, captured: list[CapturedPhoto]
) -> None:
    page = browser.get("/data/captures").text
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page and "\x1b" not in page
    address = re.search(r'src="(/data/captures/photo\?name=[^"]+)"', page)
    assert address
    picture = browser.get(address[1])
    assert picture.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(picture.content)).size) == 220
    assert browser.get("/data/captures/photo?name=other").status_code == 404


def test_a_captured_photo_is_thrown_away(
    browser: TestClient, own: dict[str, str], console: Console, captured: list[CapturedPhoto]
) -> None:
    form = {"file": CAPTURED.name, "action": "drop", "suggested": "cat", "at": "0"}
    assert "1 to drop" in browser.post("/data/captures/decide", data=form, headers=own).text
    assert decisions("captures") == {CAPTURED.name: ("drop", "")}
    page = browser.get("/data/captures/drop").text
    assert "Throw them away" in page and "dropserve review --apply" in page
    browser.post("/data/captures/drop", headers=own)
    assert wait(console, "captures").error is None
    assert captured == [CAPTURED]


@pytest.fixture
def next_drop(  # noqa: PLR0917 - fixtures
    browser: TestClient,
    own: dict[str, str],
    console: Console,
    captured: list[CapturedPhoto],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[[str], tuple[Progress, list[str]]]:
    """Makes the next drop, with the photo as one of that class; gives its end, and what went up."""
    old, photos = pets_zip(tmp_path / "old.zip"), list[str]()

    def upload(deployment: Any, dataset: Dataset, *, sent: Any, say: Any) -> Drop:
        with zipfile.ZipFile(dataset.source) as archive:
            photos.extend(archive.namelist())
        return Drop("drops/pets.zip", "v2")

    def make(label: str) -> tuple[Progress, list[str]]:
        form = {"file": CAPTURED.name, "action": "relabel", "suggested": label, "at": "0"}
        browser.post("/data/captures/decide", data=form, headers=own)
        browser.post("/data/captures/drop", headers=own)
        return wait(console, "captures"), photos

    last = DroppedVersion("dropserve-data", "drops/pets.zip", "v1")
    monkeypatch.setattr(applied_captures, "last_drop_of_live", lambda deployment: last)
    monkeypatch.setattr(
        applied_captures, "download_zip", lambda deployment, drop, file: file.write_bytes(old.read_bytes())
    )
    monkeypatch.setattr(captures_page, "upload_drop", upload)
    monkeypatch.setattr(capture_reviews, "wait_for_drop", lambda *dropped: ledger_item(NEW_RUN))
    return make


def test_a_labelled_photo_goes_into_the_next_drop(
    next_drop: Callable[[str], tuple[Progress, list[str]]], captured: list[CapturedPhoto]
) -> None:
    progress, photos = next_drop("cat")
    assert progress.error is None and progress.result == f"/runs/{NEW_RUN}"
    assert any(name.startswith("cat/captured-1111") for name in photos)
    assert captured == [CAPTURED]


def test_a_new_class_of_too_few_photos_lets_them_wait(
    next_drop: Callable[[str], tuple[Progress, list[str]]], captured: list[CapturedPhoto]
) -> None:
    progress, photos = next_drop("horse")
    assert progress.error and "each class needs 5 photos" in progress.error.details[0]
    assert (photos, captured, decisions("captures")) == ([], [], {CAPTURED.name: ("relabel", "horse")})


def test_the_first_page_lists_what_has_been_judged(
    browser: TestClient, stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_page, "ledger_of", lambda console: [ledger_item(RUN)])
    listed = {"Contents": [{"Key": "captures/1"}], "KeyCount": 1}
    stubbed.answer("s3", "list_objects_v2", listed, Bucket="dropserve-data", Prefix="captures/")
    page = browser.get("/data").text
    assert f'href="/data/{RUN}"' in page and 'href="/data/captures"' in page
    assert json.dumps(RUN)[1:9] in page
