"""A folder drop trains on the versions that its manifest names, and on nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drops.manifest import Folder, ManifestFile, manifest_text
from tests.unit.training.data.s3_objects import DELETED, S3Objects, etag, serve
from tests.unit.training.made_photos import Trained, make_jpeg
from tests.unit.training.run.test_training_interruption import assert_same_result, in_folder
from training.arguments import parse_arguments
from training.data import folder_drop
from training.data.folder_drop import open_dataset
from training.failures import DatasetError
from training.job.stop_signal import StoppedError, StopSignal
from training.train import train

BUCKET, PREFIX = "data", "drops/my pets/"
CONFUSING = [
    "cat/it's $(touch x) `y`.jpg",
    "cat/-rf",
    "cat/etc/passwd.jpg",
    "dog/000001",
]


class Drop:
    """A channel with a manifest of objects that S3 has."""

    def __init__(self, s3: S3Objects, channel: Path) -> None:
        self.s3, self.channel = s3, channel
        self.photos: list[ManifestFile] = []

    def add(self, name: str, body: bytes, version_id: str = "v1") -> None:
        self.s3.objects[self.path(name), version_id] = body
        self.photos.append(ManifestFile(name, version_id, len(body), etag(body)))
        self.write(manifest_text(Folder(BUCKET, PREFIX), self.photos))

    def write(self, text: str) -> None:
        self.channel.mkdir(exist_ok=True)
        (self.channel / "manifest.jsonl").write_text(text)

    def path(self, name: str) -> str:
        return f"{BUCKET}/{PREFIX}{name}"


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drop]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with serve(S3Objects()) as s3:
        variables = {"AWS_ENDPOINT_URL": s3.url, "AWS_REGION": "eu-west-1", "NO_PROXY": "127.0.0.1"}
        variables |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield Drop(s3, tmp_path / "dataset")


def test_it_trains_as_on_the_folder_itself(trained: Trained, drop: Drop, tmp_path: Path) -> None:
    for file in sorted(path for path in trained.dataset.rglob("*") if path.is_file()):
        drop.add(file.relative_to(trained.dataset).as_posix(), file.read_bytes())
    run = in_folder(trained, tmp_path)
    train(parse_arguments(run.arguments(dataset=drop.channel), {}))
    assert_same_result(run, trained)


def test_the_inspected_version_is_read_whatever_came_later(drop: Drop) -> None:
    drop.add("cat/1.jpg", b"inspected", "v1")
    drop.s3.objects[drop.path("cat/1.jpg"), "v2"] = b"came later"
    drop.s3.objects[drop.path("emu/1.jpg"), "v1"] = b"a class that came later"
    source = open_dataset(drop.channel)
    assert source.entries() == [("cat/1.jpg", 9)]
    assert source.read("cat/1.jpg") == b"inspected"


def test_no_name_leads_anywhere(drop: Drop, tmp_path: Path) -> None:
    for number, name in enumerate(CONFUSING):
        drop.add(name, f"photo {number}".encode())
    source = open_dataset(drop.channel)
    assert {name: source.read(name) for name, _ in source.entries()} == {
        name: f"photo {number}".encode() for number, name in enumerate(CONFUSING)
    }
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]
    (folder,) = (path for path in drop.channel.iterdir() if path.is_dir())
    assert sorted(path.name for path in folder.iterdir()) == [f"00000{n}" for n in range(len(CONFUSING))]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda drop, key: drop.s3.objects.pop(key), "is gone from the bucket since it was inspected"),
        (lambda drop, key: drop.s3.objects.update({key: DELETED}), "is gone from the bucket"),
        (lambda drop, key: drop.s3.objects.update({key: b"other bytes"}), "is not what was inspected"),
        (lambda drop, key: drop.s3.denied.add(key[0]), "cannot be fetched: .*AccessDenied"),
    ],
)
def test_what_differs_from_the_inspection_is_refused_by_name(drop: Drop, change, sentence) -> None:
    drop.add("cat/1.jpg", b"first")
    drop.add("cat/it's 2.jpg", b"second")
    change(drop, (drop.path("cat/it's 2.jpg"), "v1"))
    with pytest.raises(DatasetError, match=sentence) as refusal:
        open_dataset(drop.channel)
    assert str(refusal.value).startswith(r"'cat/it's 2.jpg' of the dropped folder (version v1)")


def test_another_size_is_refused(drop: Drop) -> None:
    drop.add("cat/1.jpg", b"first")
    drop.photos[0] = ManifestFile("cat/1.jpg", "v1", 4, etag(b"first"))
    drop.write(manifest_text(Folder(BUCKET, PREFIX), drop.photos))
    with pytest.raises(DatasetError, match="is not what was inspected"):
        open_dataset(drop.channel)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "does not begin as a manifest"), ("{}\n", "does not begin"), ("\udcff", "codec can't decode")],
)
def test_a_damaged_manifest_is_refused(drop: Drop, text: str, problem: str) -> None:
    drop.channel.mkdir()
    (drop.channel / "manifest.jsonl").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(DatasetError, match=problem):
        open_dataset(drop.channel)


def test_a_manifest_that_was_cut_is_refused(drop: Drop) -> None:
    drop.add("cat/1.jpg", b"first")
    drop.add("cat/2.jpg", b"second")
    text = (drop.channel / "manifest.jsonl").read_text()
    drop.write("".join(text.splitlines(keepends=True)[:2]))
    with pytest.raises(DatasetError, match="has 1 files, not the 2"):
        open_dataset(drop.channel)


def test_a_connection_that_breaks_in_a_photo_is_retried(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_drop.time, "sleep", lambda _: None)
    drop.add("cat/1.jpg", bytes(100_000))
    drop.s3.broken[drop.path("cat/1.jpg")] = 2
    assert open_dataset(drop.channel).read("cat/1.jpg") == bytes(100_000)
    drop.add("cat/2.jpg", bytes(100_000))
    drop.s3.broken[drop.path("cat/2.jpg")] = 100
    with pytest.raises(DatasetError, match=r"'cat/2.jpg' of the dropped folder .* cannot be fetched"):
        open_dataset(drop.channel)


@pytest.mark.parametrize("name", ["../../escape.jpg", "cat/\u2028\n\x1b[2J.jpg"])
def test_a_name_that_no_inspection_accepts_is_refused(drop: Drop, name: str) -> None:
    drop.add("cat/1.jpg", b"photo")
    drop.add(name, b"photo")
    with pytest.raises(DatasetError, match="rename"):
        open_dataset(drop.channel)
    assert not drop.s3.asked


def test_what_was_fetched_is_not_fetched_again(drop: Drop) -> None:
    drop.add("cat/1.jpg", b"first")
    assert open_dataset(drop.channel).read("cat/1.jpg") == b"first"
    assert open_dataset(drop.channel).read("cat/1.jpg") == b"first"
    assert drop.s3.asked == {drop.path("cat/1.jpg"): 1}


def test_after_a_refusal_the_rest_is_not_fetched(drop: Drop) -> None:
    for number in range(500):
        drop.add(f"cat/{number}.jpg", b"photo")
    del drop.s3.objects[drop.path("cat/0.jpg"), "v1"]
    with pytest.raises(DatasetError, match=r"'cat/0.jpg'"):
        open_dataset(drop.channel)
    assert drop.s3.asked.total() < 500


def test_a_stop_ends_the_fetching(drop: Drop) -> None:
    drop.add("cat/1.jpg", b"first")
    stop = StopSignal()
    stop.request()
    with pytest.raises(StoppedError):
        open_dataset(drop.channel, stop)
    assert not drop.s3.asked


def test_a_zip_or_a_folder_needs_no_aws(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.jpg").write_bytes(make_jpeg("blue", 1))
    program = "import sys, pathlib\nfrom training.data import folder_drop\n"
    program += f"print(folder_drop.open_dataset(pathlib.Path({str(tmp_path)!r})).entries())\n"
    program += "print('boto3' in sys.modules)"
    output = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert output == "[('', 0), ('cat/', 0), ('cat/1.jpg', " + str(len(make_jpeg("blue", 1))) + ")]\nFalse\n"
