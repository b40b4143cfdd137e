"""A dataset through the browser: received, looked at, refused or sent."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from deploy_scripts.console import page, uploads
from deploy_scripts.console.context import Console
from deploy_scripts.operations.drops.doctor import DoctorFindings
from deploy_scripts.operations.drops.upload import Drop
from deploy_scripts.operations.runs.ledger import read_ledger
from tests.support.waiting import wait_until

PHOTO = io.BytesIO()
Image.new("RGB", (8, 8), "red").save(PHOTO, "JPEG")
HOSTILE = "<script>alert(1)</script>"


def zipped(classes: dict[str, int]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for label, count in classes.items():
            for number in range(count):
                archive.writestr(f"{label}/{number}.jpg", PHOTO.getvalue())
    return content.getvalue()


@pytest.fixture
def no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan asks AWS much; its own test is of operations."""

    def refuse(*_: Any) -> None:
        raise page.CliError("no plan in this test", "Go on.")

    monkeypatch.setattr(uploads, "plan_dataset", refuse)


def put_zip(browser: TestClient, own: dict[str, str], content: bytes, name: str = "flowers.zip") -> str:
    answer = browser.put("/drop/zip", params={"name": name}, content=content, headers=own)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["next"])


def test_a_zip_is_received_and_its_inspection_shown(
    browser: TestClient, own: dict[str, str], no_plan: None
) -> None:
    answer = browser.get(put_zip(browser, own, zipped({"roses": 25, "tulips": 30})))
    text = re.sub(r"<[^>]+>|\s+", " ", answer.text)
    assert "55 photos of 2 classes" in re.sub(r" +", " ", text)
    assert "Nothing is wrong with it" in answer.text
    assert "no plan in this test" in answer.text
    assert "Upload and start the run" in answer.text
    assert "dropserve drop flowers.zip" in answer.text


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no zip at all", "the file is not a zip archive"),
        (b"", "the file has no bytes"),
        (zipped({"roses": 25}), "one class"),
    ],
)
def test_a_bad_drop_says_why_and_cannot_be_started(
    browser: TestClient, own: dict[str, str], content: bytes, sentence: str
) -> None:
    address = put_zip(browser, own, content)
    answer = browser.get(address)
    assert sentence in answer.text
    assert "Upload and start the run" not in answer.text
    refused = browser.post(f"{address}/start", data={"name": "flowers"}, headers=own)
    assert refused.status_code == 422
    assert "would refuse this dataset" in refused.text


def test_hostile_names_stay_text(browser: TestClient, own: dict[str, str], no_plan: None) -> None:
    answer = browser.get(
        put_zip(browser, own, zipped({HOSTILE.replace("/", ""): 25, "b": 25}), f"{HOSTILE[:-9]}.zip")
    )
    assert "&lt;script&gt;alert(1)&lt;script&gt;" in answer.text
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("name", ["", "..", "../x.zip", "a/b.zip", "a\\b.zip", "x\0.zip", "é" * 200 + ".zip"])
def test_a_name_that_leads_elsewhere_is_refused(
    browser: TestClient, own: dict[str, str], console: Console, name: str
) -> None:
    answer = browser.put("/drop/zip", params={"name": name}, content=b"x", headers=own)
    assert answer.status_code == 422
    assert [path for path in console.folder.rglob("*") if path.is_file()] == []


def test_a_folder_comes_file_by_file(browser: TestClient, own: dict[str, str], no_plan: None) -> None:
    begun = browser.post("/drop/folder", data={"name": "garden"}, headers=own).json()["next"]
    for label in ("roses", "tulips"):
        for number in range(25):
            path = {"path": f"{label}/{number}.jpg"}
            answer = browser.put(f"{begun}/file", params=path, content=PHOTO.getvalue(), headers=own)
            assert answer.status_code == 204
    assert "Nothing is wrong with it" in browser.get(begun).text


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "a/../../b", "a//b", ".", "a/\0"])
def test_a_file_cannot_leave_its_folder(
    browser: TestClient, own: dict[str, str], console: Console, path: str
) -> None:
    begun = browser.post("/drop/folder", data={"name": "garden"}, headers=own).json()["next"]
    answer = browser.put(f"{begun}/file", params={"path": path}, content=b"x", headers=own)
    assert answer.status_code == 422
    assert [file for file in console.folder.rglob("*") if file.is_file()] == []


def test_an_upload_is_bounded(
    browser: TestClient, own: dict[str, str], console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1024**3 + 100})())
    for content in (b"x" * 101, (b"x" * 60 for _ in range(2))):
        answer = browser.put("/drop/zip", params={"name": "a.zip"}, content=content, headers=own)  # type: ignore[arg-type]
        assert answer.status_code == 422
        assert "larger than the 100 bytes" in answer.text
    assert list(console.folder.iterdir()) == []


def test_a_path_of_this_machine_is_taken_as_it_lies_there(
    browser: TestClient, own: dict[str, str], no_plan: None, tmp_path: Path
) -> None:
    file = tmp_path / "my flowers.zip"
    file.write_bytes(zipped({"roses": 25, "tulips": 30}))
    answer = browser.post("/drop/path", data={"path": str(file)}, headers=own)
    assert "Nothing is wrong with it" in answer.text
    assert f"dropserve drop &#39;{file}&#39;" in answer.text
    missing = browser.post("/drop/path", data={"path": str(tmp_path / "none.zip")}, headers=own)
    assert missing.status_code == 422
    assert "There is nothing at" in missing.text


def test_a_confirmed_drop_goes_up_and_leads_to_its_run(
    browser: TestClient,
    own: dict[str, str],
    no_plan: None,
    stubbed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: list[str] = []

    def upload(deployment: Any, dataset: Any, *, sent: Any, say: Any) -> Drop:
        names.append(dataset.name)
        sent(dataset.size_bytes)
        return Drop("drops/spring.zip", "v1")

    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})
    monkeypatch.setattr(uploads, "upload_drop", upload)
    monkeypatch.setattr(uploads, "wait_for_drop", lambda deployment, *_: read_ledger(deployment)[0])
    monkeypatch.setattr(uploads.local_target, "wait_until_saved", lambda: None)
    address = put_zip(browser, own, zipped({"roses": 25, "tulips": 30}))
    answer = browser.post(f"{address}/start", data={"name": "spring"}, headers=own)
    assert answer.status_code == 200
    wait_until(lambda: stubbed.run_id in browser.get(address).text, timeout_s=30)
    assert names == ["spring.zip"]
    to_run = browser.get(f"{address}/run", headers={"HX-Request": "true"})
    assert to_run.headers["hx-redirect"] == f"/runs/{stubbed.run_id}"


def test_an_upload_that_fails_says_why_and_may_be_tried_again(
    browser: TestClient, own: dict[str, str], no_plan: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise page.CliError("Another drop lies in the way.", "Give another --name.")

    monkeypatch.setattr(uploads, "upload_drop", fail)
    address = put_zip(browser, own, zipped({"roses": 25, "tulips": 30}))
    browser.post(f"{address}/start", data={"name": "spring"}, headers=own)
    wait_until(lambda: "Another drop lies in the way." in browser.get(address).text, timeout_s=30)
    assert "Upload and start the run" in browser.get(address).text


def test_a_dataset_that_the_console_does_not_have_is_not_there(browser: TestClient) -> None:
    answer = browser.get("/drop/0123456789ab")
    assert answer.status_code == 404
    assert "Drop it again" in answer.text


FOUND = {
    "photos": {"train": 25},
    "classes": ["roses", "tulips"],
    "counts": {"label_error": 1, "few_photos": 1, "blank": 0},
    "photo_findings": [
        {"kind": "label_error", "photo": f"roses/{HOSTILE}.jpg", "label": "roses", "why": "it is a tulip"}
    ],
    "class_findings": [{"kind": "few_photos", "classes": ["tulips"], "why": "tulips has 6 photos"}],
}


def test_the_doctor_looks_when_it_is_asked(
    browser: TestClient, own: dict[str, str], no_plan: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined: list[Path] = []

    def examine(path: Path, on_progress: Any) -> DoctorFindings:
        examined.append(path)
        on_progress(25, 31)
        return DoctorFindings(FOUND, "photo,label\n")

    monkeypatch.setattr(uploads, "examine_on_this_machine", examine)
    address = put_zip(browser, own, zipped({"roses": 25, "tulips": 6}))
    for name in ("doctor.html", "review.csv"):
        assert browser.get(f"{address}/doctor/{name}").status_code == 404
    for _ in range(2):
        browser.post(f"{address}/doctor", headers={**own, "HX-Request": "true"})
    wait_until(lambda: "Probably wrong labels: 1." in browser.get(address).text, timeout_s=30)
    shown = browser.get(address).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jpg" in shown and "<script>alert" not in shown
    assert "Blank" not in shown and "tulips has 6 photos" in shown
    assert "dropserve drop flowers.zip --review review.csv" in shown
    review = browser.get(f"{address}/doctor/review.csv")
    assert (review.text, review.headers["content-disposition"]) == (
        "photo,label\n",
        'attachment; filename="review.csv"',
    )
    assert len(examined) == 1


def test_a_doctor_that_cannot_look_says_why(
    browser: TestClient, own: dict[str, str], no_plan: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise page.CliError("This needs the extra `local`.", "Install it.")

    monkeypatch.setattr(uploads, "examine_on_this_machine", refuse)
    address = put_zip(browser, own, zipped({"roses": 25, "tulips": 30}))
    browser.post(f"{address}/doctor", headers={**own, "HX-Request": "true"})
    wait_until(lambda: "This needs the extra `local`." in browser.get(address).text, timeout_s=30)
