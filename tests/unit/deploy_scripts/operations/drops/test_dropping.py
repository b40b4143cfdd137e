"""Uploads of datasets: what goes where, and in which order."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.keys import check_key, newest_drop
from deploy_scripts.operations.drops.upload import Drop, read_dataset, upload_drop


class KeptObjects:
    """An S3 client that keeps what it is given, in order."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.arguments: dict[str, Any] = {}
        self.refused: set[str] = set()

    def upload_file(self, file: str, bucket: str, key: str, *, ExtraArgs: Any, Callback: Any) -> None:  # noqa: N803
        self._put(key)
        self.arguments[key] = ExtraArgs
        Callback(Path(file).stat().st_size)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, str]:  # noqa: N803
        self._put(Key)
        return {"VersionId": "marker-version"}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.keys:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return {
            "VersionId": f"version-of-{Key}",
            "Metadata": self.arguments.get(Key, {}).get("Metadata", {}),
        }

    def delete_objects(self, *, Bucket: str, Delete: Any) -> dict[str, Any]:  # noqa: N803
        errors = [each for each in Delete["Objects"] if each["Key"] in self.refused]
        for each in Delete["Objects"]:
            if each not in errors:
                self.keys.remove(each["Key"])
        return {"Errors": [{**each, "Message": "Access Denied"} for each in errors]}

    def get_paginator(self, call: str) -> Any:
        assert call == "list_objects_v2"
        return SimpleNamespace(paginate=self._list)

    def _put(self, key: str) -> None:
        if key in self.keys:
            self.keys.remove(key)
        self.keys.append(key)

    def _list(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        found = [key for key in self.keys if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "LastModified": self.keys.index(key)} for key in found]}]


def deployment_with(s3: KeptObjects) -> Deployment:
    aws: Any = SimpleNamespace(s3=s3)
    return Deployment(aws, {"BucketName": "data"})


def drop_into(
    s3: KeptObjects, path: Path, name: str | None = None, *, said: list[str] | None = None, sent: Any = None
) -> Drop:
    return upload_drop(
        deployment_with(s3),
        read_dataset(path, name),
        sent=[].append if sent is None else sent,
        say=[].append if said is None else said.append,
    )


def make_photos(folder: Path, *names: str) -> Path:
    for name in names or ("cats/a.jpg", "dogs/b.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"1234")
    return folder


def test_a_folder_goes_up_file_by_file_and_its_marker_last(tmp_path: Path) -> None:
    s3, sent = KeptObjects(), []
    folder = make_photos(tmp_path / "pets")

    drop = drop_into(s3, folder, sent=sent.append)

    assert sorted(s3.keys[:-1]) == ["drops/pets/cats/a.jpg", "drops/pets/dogs/b.png"]
    assert s3.keys[-1] == drop.key == "drops/pets/_SUCCESS"
    assert drop.version_id == "marker-version"
    assert sum(sent) == read_dataset(folder, None).size_bytes == 8
    assert s3.arguments["drops/pets/dogs/b.png"]["ContentType"] == "image/png"


def test_photos_that_the_folder_lost_are_not_trained_on_again(tmp_path: Path) -> None:
    s3 = KeptObjects("drops/pets-of-others/x.jpg")
    drop_into(s3, make_photos(tmp_path / "before", "cats/a.jpg", "cats/old.jpg", "dogs/b.png"), "pets")
    said: list[str] = []

    drop_into(s3, make_photos(tmp_path / "pets"), said=said)

    assert "drops/pets/cats/old.jpg" not in s3.keys
    assert "drops/pets-of-others/x.jpg" in s3.keys
    assert s3.keys[-1] == "drops/pets/_SUCCESS"
    assert said == ["Removing 1 file of the earlier drop drops/pets/: cats/old.jpg"]


@pytest.mark.parametrize(
    "others",
    [
        ["drops/shop/flowers/rose/1.jpg", "drops/shop/flowers/_SUCCESS"],
        ["drops/shop/flowers/rose/1.jpg"],  # on its way: no marker yet
        ["drops/shop/rose/by-another-client.jpg", "drops/shop/_SUCCESS"],
        ["drops/shop/flowers.zip"],
    ],
)
def test_what_another_drop_put_there_is_neither_removed_nor_trained_on(
    tmp_path: Path, others: list[str]
) -> None:
    s3 = KeptObjects(*others)

    with pytest.raises(CliError, match=r"holds \d objects that no `dropserve drop` of this name") as refusal:
        drop_into(s3, make_photos(tmp_path), "shop")

    assert s3.keys == others
    assert "Nothing was uploaded or removed" in refusal.value.advice


def test_a_drop_within_a_drop_that_the_command_made_is_another_drop(tmp_path: Path) -> None:
    s3 = KeptObjects()
    drop_into(s3, make_photos(tmp_path / "flowers", "rose/1.jpg", "tulip/2.jpg"), "shop/flowers")
    before = list(s3.keys)

    with pytest.raises(CliError, match=r"s3://data/drops/shop/ holds 3 objects"):
        drop_into(s3, make_photos(tmp_path / "shop"))

    assert s3.keys == before


@pytest.mark.parametrize("name", ["shop/flowers", "shop/a/b"])
def test_no_drop_is_put_into_the_folder_of_another(tmp_path: Path, name: str) -> None:
    s3 = KeptObjects("drops/shop/cats/a.jpg", "drops/shop/_SUCCESS")
    (tmp_path / "x.zip").write_bytes(b"zip")

    for path in (make_photos(tmp_path / "photos"), tmp_path / "x.zip"):
        with pytest.raises(CliError, match="would lie inside another drop, s3://data/drops/shop/"):
            drop_into(s3, path, name)

    assert len(s3.keys) == 2


def test_an_object_that_cannot_be_removed_begins_no_run(tmp_path: Path) -> None:
    s3 = KeptObjects()
    drop_into(s3, make_photos(tmp_path / "before", "cats/a.jpg", "cats/old.jpg"), "pets")
    s3.refused = {"drops/pets/cats/old.jpg"}

    with pytest.raises(CliError, match=r"cats/old\.jpg could not be removed: Access Denied"):
        drop_into(s3, make_photos(tmp_path / "pets"))

    assert s3.keys[-1] != "drops/pets/_SUCCESS"


def test_the_folder_of_a_console_is_no_photo(tmp_path: Path) -> None:
    s3 = KeptObjects("drops/pets/", "drops/pets/cats/")

    drop_into(s3, make_photos(tmp_path / "pets"))

    assert s3.keys[:2] == ["drops/pets/", "drops/pets/cats/"]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    secret = make_photos(tmp_path / "elsewhere", "secret.jpg")
    pets = make_photos(
        tmp_path / "pets", "cats/a.jpg", "dogs/b.png", "_SUCCESS", "cats/_SUCCESS", ".git/x", "cats/.DS_Store"
    )
    (pets / "cats" / "stolen.jpg").symlink_to(secret / "secret.jpg")
    (pets / "birds").symlink_to(secret)
    (pets / "felines").symlink_to("cats")
    (pets / "dogs" / "same.png").symlink_to("b.png")
    (pets / "dogs" / "nothing.png").symlink_to("c.png")
    os.mkfifo(pets / "dogs" / "pipe.jpg")
    s3, said = KeptObjects(), []

    drop_into(s3, pets, said=said)

    assert sorted(s3.keys) == [
        "drops/pets/_SUCCESS",
        "drops/pets/cats/a.jpg",
        "drops/pets/dogs/b.png",
        "drops/pets/dogs/same.png",
    ]
    assert sorted(said) == [
        "Left out, hidden: .git, cats/.DS_Store",
        "Left out, links that lead out of the folder: birds, cats/stolen.jpg",
        "Left out, links to folders: felines",
        "Left out, markers, which would begin runs: _SUCCESS, cats/_SUCCESS",
        "Left out, no regular files: dogs/nothing.png, dogs/pipe.jpg",
    ]


@pytest.mark.parametrize(
    "file", ["cats/a\x1b]0;owned\x07.jpg", "ca\nts/a.jpg", "cats/\udcff.jpg", "a\u202eb/c.jpg"]
)
def test_a_name_that_no_screen_should_get_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(CliError, match=r"1 names in .* hold control characters or are not UTF-8"):
        read_dataset(make_photos(tmp_path / "pets", file), None)


@pytest.mark.parametrize(
    "name", ["", "../runs", "a//b", "/a", "a/", ".", "a\x1b[2J", "a\nb", "\udcff", "x" * 1020]
)
def test_a_datasets_name_is_checked(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.zip").write_bytes(b"zip")

    for path in (make_photos(tmp_path / "photos"), tmp_path / "x.zip"):
        with pytest.raises(CliError, match=r"cannot be the name of a dataset|longer than S3 takes"):
            read_dataset(path, name)


def test_what_is_neither_file_nor_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")

    with pytest.raises(CliError, match="neither a file nor a folder"):
        read_dataset(tmp_path / "pipe.zip", None)
    with pytest.raises(CliError, match="There is nothing at"):
        read_dataset(tmp_path / "no.zip", None)


@pytest.mark.parametrize(
    ("file", "name", "key"),
    [
        ("food.zip", None, "drops/food.zip"),
        ("food.zip", "lunch", "drops/lunch.zip"),
        ("food.zip", "lunch.zip", "drops/lunch.zip"),
        ("notes.txt", None, "drops/notes.txt"),
        ("two words+plus.zip", None, "drops/two words+plus.zip"),
    ],
)
def test_a_file_goes_up_as_it_is(tmp_path: Path, file: str, name: str | None, key: str) -> None:
    s3 = KeptObjects()
    (tmp_path / file).write_bytes(b"whatever")

    drop = drop_into(s3, tmp_path / file, name)

    assert (drop.key, drop.version_id) == (key, f"version-of-{key}")
    assert s3.keys == [key]


def test_a_folder_without_files_is_refused_and_says_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / ".hidden.jpg").write_bytes(b"1")

    with pytest.raises(CliError, match="holds no files to upload") as refusal:
        read_dataset(tmp_path, None)
    assert refusal.value.details == ("left out, hidden: .hidden.jpg",)


@pytest.mark.parametrize("zip_key", ["drops/a.zip", "drops/a.ZIP", "drops/a.Zip"])
def test_the_newest_drop_is_a_zip_or_a_marker(zip_key: str) -> None:
    s3 = KeptObjects("drops/b/_SUCCESS", zip_key, "drops/b/cats/late.jpg", "drops/b/late.zip")

    assert newest_drop(deployment_with(s3)) == zip_key
    s3.put_object(Bucket="data", Key="drops/b/_SUCCESS", Body=b"")
    assert newest_drop(deployment_with(s3)) == "drops/b/_SUCCESS"
    with pytest.raises(CliError, match="Nothing was dropped in data yet"):
        newest_drop(deployment_with(KeptObjects()))


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("drops/flowers.zip", "Did you mean --key drops/flowers.ZIP ?"),
        ("flowers", "Did you mean --key drops/flowers.ZIP ?"),
        ("drops/pets", "Did you mean --key drops/pets/_SUCCESS ?"),
        ("drops/pets/", "Did you mean --key drops/pets/_SUCCESS ?"),
        ("drops/birds.zip", "The newest drops are: drops/pets/_SUCCESS, drops/flowers.ZIP."),
    ],
)
def test_a_key_that_never_was_is_told_as_such(key: str, advice: str) -> None:
    deployment = deployment_with(KeptObjects("drops/flowers.ZIP", "drops/pets/_SUCCESS"))

    with pytest.raises(CliError) as refusal:
        check_key(deployment, "data", key)

    assert refusal.value.message == f"There is no object s3://data/{key}."
    assert refusal.value.advice == advice


def test_a_key_that_is_there_is_fine() -> None:
    check_key(deployment_with(KeptObjects("drops/flowers.ZIP")), "data", "drops/flowers.ZIP")
