"""Whatever a drop looks like: what the inspection accepts is what training trains on, or it is refused."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drops.text import printable
from functions.inspect_dataset.inspection import inspect_drop
from tests.unit.drops.both_readers import CONFIG
from tests.unit.drops.made_zips import HEIC_START, PNG_START, as_channel, photo, raw_zip, text_zip
from tests.unit.inspect_dataset.drops_in_memory import BUCKET, FakeS3
from tests.unit.inspect_dataset.inspecting import REPORT
from training.data.dataset import Dataset, load_dataset
from training.data.photo_source import open_source
from training.failures import DatasetError

pytestmark = pytest.mark.slow

FOLDERS = st.sampled_from(
    [
        "cat", "cat", "dog", "dog", "bird", "Cat", "cat ", "Möwe", unicodedata.normalize("NFD", "Möwe"), "犬",
        "train", "Training", "train2017", "val_2017", "test", "testing", "seg_train", "seg_test", "trainval",
        "images", "labels", "archive", "pets", ".thumbnails", "__MACOSX", "..", ".", "a\x1bb", "a\u202eb",
        "x" * 300, "old.zip", "C:", "a:b", " ", "%41", "a&b<i>",
    ]
)  # fmt: skip
FILES = st.sampled_from(
    [
        "{}.jpg",
        "{}.JFIF",
        "{}",
        "{}.png",
        "{}.xml",
        "Thumbs.db",
        ".{}.jpg",
        "Icon\r",
        "old.zip",
        "\u200e{}.jpg",
        "",
    ]
)
CONTENTS = st.sampled_from(["jpeg", "jpeg", "jpeg", "png", "text", "heic", "nothing"])
GROUPS = st.tuples(
    st.lists(FOLDERS, max_size=4), FILES, CONTENTS, st.integers(1, 9), st.sampled_from(["/", "/", "\\"])
)
DROPS = st.lists(GROUPS, min_size=1, max_size=9)
BASE = st.sampled_from([[], [["cat"], ["dog"]], [["train", "cat"], ["train", "dog"], ["test", "cat"]]])
ENCODINGS = st.tuples(
    st.sampled_from(["utf-8", "cp437", "shift_jis", "utf-16-le"]), st.booleans(), st.sampled_from([0, 3])
)
DETERMINISTIC = settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def content(kind: str, number: int) -> bytes:
    starts = {"png": PNG_START, "heic": HEIC_START}
    plain = {"text": b"<annotation/>", "nothing": b""}
    return plain[kind] if kind in plain else photo(number, starts.get(kind, b"\xff\xd8\xff\xe0"))


def files_of(base: list[list[str]], groups: list[Any]) -> dict[str, bytes]:
    groups = [(folders, "{}.jpg", "jpeg", 8, "/") for folders in base] + groups
    files = {}
    for folders, file, kind, count, separator in groups:
        for _ in range(count):
            number = len(files)
            files[separator.join([*folders, file.format(number)])] = content(kind, number)
    return {name: body for name, body in files.items() if name}


def inspect(key: str, s3: FakeS3) -> tuple[dict[str, Any], dict[str, Any]]:
    run = {
        "id": "0123456789abcdef0123456789abcdef",
        "source": "manual",
        "bucket": BUCKET,
        "key": key,
        "version_id": "",
        "started_at": "2026-11-22T09:00:00.000Z",
    }
    result = inspect_drop(run, data_bucket=BUCKET, s3=s3)
    assert len(json.dumps(result)) < 8000
    for text in (result["reason"] or "", result["findings"]):
        assert text == printable(text)
        assert len(text) <= 1100
    return result, json.loads(s3.body(REPORT))


def train(channel: Any, inspected_sha256: str | None) -> Dataset | None:
    try:
        return load_dataset(open_source(channel), CONFIG, threads=1, inspected_sha256=inspected_sha256)
    except DatasetError as error:
        assert str(error) == printable(error)
        return None


def check_agreement(result: dict[str, Any], report: dict[str, Any], channel: Any) -> None:
    dataset = train(channel, result["layout_sha256"])
    if result["accepted"]:
        if dataset is None:
            assert report["spot_check"]["bad"], "accepted, and not trained"
            return
        assert dataset.classes == [row["label"] for row in report["classes"]]
        assert dataset.image_count <= result["image_count"]


@DETERMINISTIC
@given(BASE, DROPS)
def test_a_zip(tmp_path_factory, base, groups):
    body = text_zip(files_of(base, groups))
    s3 = FakeS3()
    s3.drop("drops/pets.zip", body)
    result, report = inspect("drops/pets.zip", s3)
    check_agreement(result, report, as_channel(tmp_path_factory.mktemp("channel"), body))


@DETERMINISTIC
@given(BASE, DROPS, ENCODINGS)
def test_a_zip_of_any_encoding(tmp_path_factory, base, groups, encoded):
    encoding, flagged, system = encoded
    files = {
        name.encode(encoding, "replace"): body
        for name, body in files_of(base, groups).items()
        if "x" * 300 not in name
    }
    body = raw_zip(files, flagged=flagged, system=system)
    s3 = FakeS3()
    s3.drop("drops/pets.zip", body)
    result, report = inspect("drops/pets.zip", s3)
    check_agreement(result, report, as_channel(tmp_path_factory.mktemp("channel"), body))


@DETERMINISTIC
@given(BASE, DROPS)
def test_a_folder(tmp_path_factory, base, groups):
    s3, channel = FakeS3(), tmp_path_factory.mktemp("channel")
    on_disk = True
    for name, body in files_of(base, groups).items():
        s3.drop(f"drops/pets/{name}", body)
        on_disk = on_disk and write(channel, name, body)
    s3.drop("drops/pets/_SUCCESS", b"")
    result, report = inspect("drops/pets/_SUCCESS", s3)
    assert on_disk or not result["accepted"], "accepted, but no file system takes its names"
    if on_disk:
        check_agreement(result, report, channel)


def write(channel: Any, name: str, body: bytes) -> bool:
    """As SageMaker lays an object into a channel's folder; False where a name cannot be a file's."""
    path = channel / name.lstrip("/")
    if ".." in path.parts:
        return False
    try:
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    except OSError:
        return False
    return True
