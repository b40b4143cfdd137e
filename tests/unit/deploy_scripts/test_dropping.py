"""Uploads of datasets: what goes where, and in which order."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.pipeline.deployment import Deployment
from deploy_scripts.pipeline.drops import newest_drop, size_of, upload_drop


class KeptObjects:
    """An S3 client that keeps what it is given, in order."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.metadata: dict[str, Any] = {}

    def upload_file(self, file: str, bucket: str, key: str, *, ExtraArgs: Any, Callback: Any) -> None:  # noqa: N803
        self.keys.append(key)
        self.metadata[key] = ExtraArgs
        Callback(Path(file).stat().st_size)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, str]:  # noqa: N803
        self.keys.append(Key)
        return {"VersionId": "marker-version"}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, str]:  # noqa: N803
        return {"VersionId": f"version-of-{Key}"}

    def delete_objects(self, *, Bucket: str, Delete: Any) -> None:  # noqa: N803
        for each in Delete["Objects"]:
            self.keys.remove(each["Key"])

    def get_paginator(self, call: str) -> Any:
        assert call == "list_objects_v2"
        return SimpleNamespace(paginate=self._list)

    def _list(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        found = [key for key in self.keys if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "LastModified": self.keys.index(key)} for key in found]}]


def deployment_with(s3: KeptObjects) -> Deployment:
    aws: Any = SimpleNamespace(s3=s3)
    return Deployment(aws, {"BucketName": "data"})


def make_photos(folder: Path) -> Path:
    for name in ("cats/a.jpg", "dogs/b.png", ".DS_Store", "_SUCCESS"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1234")
    return folder


def test_a_folder_goes_up_file_by_file_and_its_marker_last(tmp_path: Path) -> None:
    s3, sent = KeptObjects(), []

    drop = upload_drop(deployment_with(s3), make_photos(tmp_path / "pets"), None, sent=sent.append)

    assert sorted(s3.keys[:-1]) == ["drops/pets/cats/a.jpg", "drops/pets/dogs/b.png"]
    assert s3.keys[-1] == drop.key == "drops/pets/_SUCCESS"
    assert drop.version_id == "marker-version"
    assert sum(sent) == size_of(tmp_path / "pets") == 8
    assert s3.metadata["drops/pets/dogs/b.png"] == {"ContentType": "image/png"}


def test_photos_that_the_folder_lost_are_not_trained_on_again(tmp_path: Path) -> None:
    s3 = KeptObjects("drops/pets/cats/old.jpg", "drops/pets-of-others/x.jpg")

    upload_drop(deployment_with(s3), make_photos(tmp_path / "pets"), None, sent=lambda count: None)

    assert "drops/pets/cats/old.jpg" not in s3.keys
    assert "drops/pets-of-others/x.jpg" in s3.keys


@pytest.mark.parametrize(
    ("file", "name", "key"),
    [
        ("food.zip", None, "drops/food.zip"),
        ("food.zip", "lunch", "drops/lunch.zip"),
        ("notes.txt", None, "drops/notes.txt"),
        ("two words+plus.zip", None, "drops/two words+plus.zip"),
    ],
)
def test_a_file_goes_up_as_it_is(tmp_path: Path, file: str, name: str | None, key: str) -> None:
    s3 = KeptObjects()
    (tmp_path / file).write_bytes(b"whatever")

    drop = upload_drop(deployment_with(s3), tmp_path / file, name, sent=lambda count: None)

    assert (drop.key, drop.version_id) == (key, f"version-of-{key}")
    assert s3.keys == [key]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="holds no files"):
        upload_drop(deployment_with(KeptObjects()), tmp_path, None, sent=lambda count: None)


def test_the_newest_drop_is_a_zip_or_a_marker() -> None:
    s3 = KeptObjects("drops/a.zip", "drops/b/_SUCCESS", "drops/b/cats/late.jpg")

    assert newest_drop(deployment_with(s3)) == "drops/b/_SUCCESS"
    with pytest.raises(CliError, match="Nothing was dropped in data yet"):
        newest_drop(deployment_with(KeptObjects()))
