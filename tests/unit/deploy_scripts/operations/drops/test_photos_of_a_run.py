"""Photos of a run's drop: read one by one, made small, told by kind, and decided in a draft."""

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody
from PIL import Image

from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops.dropped import DroppedPhotos, download_drop
from deploy_scripts.operations.drops.review_drafts import ReviewDraft, draft_file
from deploy_scripts.operations.drops.run_photos import read_run_photos
from deploy_scripts.operations.drops.thumbnails import make_thumbnail
from deploy_scripts.operations.runs.ledger import LedgerItem, Run
from drops.manifest import Folder, ManifestFile, manifest_text
from drops.review import Decision

RUN_ID = "a" * 32
BUCKET = "dropserve-data"
SNAPSHOT = f"snapshots/{RUN_ID}/dataset.zip"
MANIFEST = f"snapshots/{RUN_ID}/manifest.jsonl"


def item(key: str = "drops/pets.zip", version_id: str = "v1") -> LedgerItem:
    run = Run(RUN_ID, "pets", "drop", None, "live", None, 0.9, None, "2026-01-01T00:00:00Z", None)
    return LedgerItem(run, "", BUCKET, key, version_id)


def body_of(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))


def there(stubbed: Any, key: str, content: bytes, **expected: Any) -> None:
    head = {"ETag": '"e"', "ContentLength": len(content), "LastModified": datetime.now(UTC)}
    stubbed.answer("s3", "head_object", head, Bucket=BUCKET, Key=key, **expected)


def read(stubbed: Any, content: bytes, **expected: Any) -> None:
    answer = {"Body": body_of(content), "ContentRange": "bytes"}
    stubbed.answer("s3", "get_object", answer, **expected)


def zip_of(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def photo(form: str = "JPEG", size: tuple[int, int] = (640, 480)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, "red").save(stream, form)
    return stream.getvalue()


def test_photos_come_out_of_the_copy_that_was_trained_on(stubbed: Any) -> None:
    content = zip_of(cat__1=b"one", dog__2=b"two")
    there(stubbed, SNAPSHOT, content)
    # The directory and both photos lie in one block.
    read(stubbed, content, Bucket=BUCKET, Key=SNAPSHOT, IfMatch='"e"', Range=f"bytes=0-{len(content) - 1}")
    photos = DroppedPhotos(stubbed.deployment, item())
    assert [photos.read(name) for name in ("dog/2", "cat/1")] == [b"two", b"one"]
    with pytest.raises(CliError, match="no photo 'cat/3'"):
        photos.read("cat/3")


def test_an_expired_copy_gives_way_to_the_version_that_was_dropped(stubbed: Any, tmp_path: Path) -> None:
    content = zip_of(cat__1=b"one")
    stubbed.refuse("s3", "head_object", "404", Bucket=BUCKET, Key=SNAPSHOT)
    there(stubbed, "drops/pets.zip", content, VersionId="v1")
    read(stubbed, content)
    assert DroppedPhotos(stubbed.deployment, item()).read("cat/1") == b"one"


@pytest.mark.parametrize(("version_id", "why"), [("", "its version not known"), ("v1", "is gone")])
def test_a_drop_that_is_not_there_any_more_is_said_to_be_gone(
    stubbed: Any, tmp_path: Path, version_id: str, why: str
) -> None:
    for _ in range(2 if version_id else 1):
        stubbed.refuse("s3", "head_object", "404")
    with pytest.raises(CliError, match=why):
        download_drop(stubbed.deployment, item(version_id=version_id), tmp_path)


def test_photos_of_a_folder_are_those_of_its_manifest(stubbed: Any) -> None:
    files = [ManifestFile("cat/1", "v7", 3, '"e"')]
    text = manifest_text(Folder(BUCKET, "drops/pets/"), files).encode()
    there(stubbed, MANIFEST, text)
    stubbed.answer("s3", "get_object", {"Body": body_of(text)}, Bucket=BUCKET, Key=MANIFEST)
    there(stubbed, "drops/pets/cat/1", b"one", VersionId="v7")
    read(stubbed, b"one")
    photos = DroppedPhotos(stubbed.deployment, item("drops/pets/_SUCCESS"))
    assert photos.read("cat/1") == b"one"
    with pytest.raises(CliError, match="no photo"):
        photos.read("../other/_SUCCESS")


def test_a_folder_is_fetched_by_the_versions_of_its_manifest(
    stubbed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {"cat/1": "v7", "../out": "v8", "cat/A": "null"}
    text = manifest_text(
        Folder(BUCKET, "drops/pets/"), [ManifestFile(*each, 3, '"e"') for each in names.items()]
    )
    there(stubbed, MANIFEST, text.encode())
    stubbed.answer("s3", "get_object", {"Body": body_of(text.encode())}, Bucket=BUCKET, Key=MANIFEST)
    fetched: dict[str, str] = {}

    def download(bucket: str, key: str, file: str, ExtraArgs: dict[str, str]) -> None:  # noqa: N803 - boto3's
        fetched[key] = ExtraArgs["VersionId"]
        Path(file).write_text(key)

    monkeypatch.setattr(stubbed.deployment.aws.s3, "download_file", download, raising=False)
    dataset = download_drop(stubbed.deployment, item("drops/pets/_SUCCESS"), tmp_path)
    assert dataset.folder
    assert {name: file.read_text() for name, file in dataset.folder.files.items()} == {
        name: f"drops/pets/{name}" for name in names
    }
    assert fetched == {f"drops/pets/{name}": version for name, version in names.items()}
    assert {file.parent for file in dataset.folder.files.values()} == {tmp_path}


def test_a_folder_whose_manifest_has_expired_is_said_to_be_gone(stubbed: Any, tmp_path: Path) -> None:
    stubbed.refuse("s3", "head_object", "404", Bucket=BUCKET, Key=MANIFEST)
    with pytest.raises(CliError, match="is gone"):
        download_drop(stubbed.deployment, item("drops/pets/_SUCCESS"), tmp_path)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_thumbnail_of_every_format(form: str) -> None:
    with Image.open(io.BytesIO(make_thumbnail(photo(form)))) as small:
        assert (small.format, small.size) == ("JPEG", (220, 165))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no photo",
        photo()[:400],
        b"%PDF-1.4",
        photo("PNG").replace((640).to_bytes(4), b"\x7f\xff\xff\xff"),
    ],
)
def test_what_cannot_be_decoded_or_claims_too_much_has_no_thumbnail(content: bytes) -> None:
    assert make_thumbnail(content) == b""


def answers(stubbed: Any, *lines: dict[str, Any]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    key = f"runs/{RUN_ID}/test_predictions.jsonl"
    stubbed.answer("s3", "get_object", {"Body": body_of(text)}, Bucket=BUCKET, Key=key)


def answered(name: str, label: str, predicted: str, probability: float) -> dict[str, Any]:
    predictions = [{"label": predicted, "probability": probability}]
    return {"photo": name, "label": label, "predictions": predictions}


def test_without_a_doctor_the_mistakes_are_known_the_surest_first(stubbed: Any) -> None:
    answers(
        stubbed,
        answered("cat/1", "cat", "cat", 0.9),
        answered("cat/2", "cat", "dog", 0.6),
        answered("dog/3", "dog", "cat", 0.8),
    )
    for _ in range(2):
        stubbed.refuse("s3", "head_object", "404")
    metrics = {"Body": body_of(b'{"classes": ["cat", "dog"]}')}
    stubbed.answer("s3", "get_object", metrics, Bucket=BUCKET, Key=f"runs/{RUN_ID}/metrics.json")
    found = read_run_photos(stubbed.deployment, RUN_ID)
    assert [(each.name, each.suggested_label, each.action) for each in found.photos["mistake"]] == [
        ("dog/3", "cat", "keep"),
        ("cat/2", "dog", "keep"),
    ]
    assert not found.has_doctor and found.classes == ["cat", "dog"]


@pytest.mark.parametrize("line", [{"photo": "x"}, {"label": "x", "predictions": []}, {"predictions": [3]}])
def test_answers_of_another_form_are_told_with_their_address(stubbed: Any, line: dict[str, Any]) -> None:
    answers(stubbed, line)
    with pytest.raises(CliError, match=r"test_predictions\.jsonl cannot be understood"):
        read_run_photos(stubbed.deployment, RUN_ID)


def test_a_run_that_was_not_judged_tells_of_no_photos(stubbed: Any) -> None:
    stubbed.refuse("s3", "get_object", "NoSuchKey")
    for _ in range(2):
        stubbed.refuse("s3", "head_object", "404")
    with pytest.raises(CliError, match="tells of no photos"):
        read_run_photos(stubbed.deployment, RUN_ID)


def test_a_draft_keeps_the_last_decision_on_each_photo(tmp_path: Path) -> None:
    draft = ReviewDraft(tmp_path / "reviews" / "run.csv")
    assert draft.decisions() == {}
    draft.decide(Decision("drop", "=cat/1.jpg", "cat"), Decision("keep", "dog/2.jpg", "dog"))
    draft.decide(Decision("relabel", "=cat/1.jpg", "cat", "dog"))
    # Another console sees the same, a name like a formula included.
    found = ReviewDraft(draft.file).decisions()
    assert {name: each.action for name, each in found.items()} == {
        "=cat/1.jpg": "relabel",
        "dog/2.jpg": "keep",
    }
    draft.undecide("dog/2.jpg")
    kept = draft.put_away("done")
    assert list(ReviewDraft(kept).decisions()) == ["=cat/1.jpg"]
    assert draft.decisions() == {}


def test_drafts_lie_in_dropserve_s_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))
    assert draft_file("bucket", RUN_ID) == tmp_path / "reviews" / "bucket" / f"{RUN_ID}.csv"
