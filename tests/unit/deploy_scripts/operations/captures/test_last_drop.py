"""What reviewed photos are added to: the live release's dataset as it was dropped last, a zip or a folder."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.applied_captures import apply_captures
from deploy_scripts.operations.captures.captures import CapturedPhoto
from deploy_scripts.operations.captures.last_drop import last_drop_of_live
from deploy_scripts.operations.captures.next_drop import PROVENANCE, Sorted
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dropped import download_zip
from deploy_scripts.operations.drops.upload import Drop

LIVE, LATER = "a" * 32, "b" * 32
KEY = "drops/food.zip"


def stub(stubbed: Any, *, later: str | None, newest: str | None = "v2") -> None:
    """The live release is of version 1; of version 2 a later run ended as `later`."""
    pointer = {
        "release": f"dropserve-{LIVE}",
        "endpoint_name": f"dropserve-{LIVE}",
        "run_id": LIVE,
        "model_data_uri": "s3://dropserve-data/runs/1/model.tar.gz",
        "accuracy": 0.9,
        "exposed_at": "2026-11-22T10:00:00Z",
    }
    stubbed.answer("ssm", "get_parameter", {"Parameter": {"Value": json.dumps(pointer)}})
    items = [stubbed.ledger_item(run_id=LIVE)]
    if later:
        items.append(stubbed.ledger_item(run_id=LATER, version_id="v2", status=later, reason="no photos"))
    stubbed.answer("dynamodb", "scan", {"Items": items})
    if newest:
        stubbed.answer("s3", "head_object", {"VersionId": newest}, Bucket="dropserve-data", Key=KEY)
    else:
        stubbed.refuse("s3", "head_object", "404")


@pytest.mark.parametrize("later", ["champion_kept", "failed", "superseded", None])
def test_photos_are_added_to_what_was_dropped_last(stubbed: Any, later: str | None) -> None:
    stub(stubbed, later=later)
    drop = last_drop_of_live(stubbed.deployment)
    assert (drop.key, drop.version_id) == (KEY, "v2")


def test_a_drop_that_was_rejected_is_not_added_to(stubbed: Any) -> None:
    stub(stubbed, later="rejected")
    with pytest.raises(CliError, match="food was rejected: no photos"):
        last_drop_of_live(stubbed.deployment)


def test_a_zip_that_was_removed_is_taken_as_it_was_trained_on(stubbed: Any) -> None:
    stub(stubbed, later=None, newest=None)
    assert last_drop_of_live(stubbed.deployment).version_id == "v1"


def test_a_zip_that_is_gone_for_good_is_named(stubbed: Any, tmp_path: Path) -> None:
    stub(stubbed, later=None, newest=None)
    drop = last_drop_of_live(stubbed.deployment)
    stubbed.refuse("s3", "head_object", "404")
    with pytest.raises(CliError, match=f"{KEY} is gone"):
        download_zip(stubbed.deployment, drop, tmp_path / "old.zip")


def test_before_the_first_release_a_zip_must_be_named(stubbed: Any) -> None:
    stubbed.refuse("ssm", "get_parameter", "ParameterNotFound")
    with pytest.raises(CliError, match="No release is live") as error:
        last_drop_of_live(stubbed.deployment)
    assert "--dataset" in error.value.advice


class Folder:
    """An S3 client with a folder drop, which keeps what is written; asked for no more than it has to be."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.read: list[str] = []
        self.written: list[str] = []

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"VersionId": "v1"}

    def get_paginator(self, call: str) -> Any:
        def listed(*, Bucket: str, Prefix: str) -> Any:  # noqa: N803
            found = {key: body for key, body in self.objects.items() if key.startswith(Prefix)}
            return [{"Contents": [{"Key": key, "Size": len(body)} for key, body in found.items()]}]

        return SimpleNamespace(paginate=listed)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        body = self.objects[Key]
        self.read.append(Key)
        return {"ContentLength": len(body), "Body": SimpleNamespace(read=lambda *_: body)}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **more: Any) -> dict[str, Any]:  # noqa: N803
        self.objects[Key] = Body
        self.written.append(Key)
        return {"VersionId": "v2"}


def test_a_folder_gets_the_photos_and_then_its_marker(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(stubbed, later=None)
    pets = "drops/pets/"
    monkeypatch.setattr(
        "deploy_scripts.operations.captures.last_drop.read_ledger",
        lambda _: [
            SimpleNamespace(
                run=SimpleNamespace(run_id=LIVE, status="live"),
                bucket="dropserve-data",
                key=f"{pets}_SUCCESS",
                version_id="v1",
            )
        ],
    )
    objects = {f"{pets}train/cat/1.jpg": b"12", f"{pets}train/dog/1.jpg": b"12", f"{pets}_SUCCESS": b""}
    photo = CapturedPhoto(
        "a.jpg", ("captures/a.jpg",), "1" * 64, 99, "sent", "cat", 0.4, False, None, "release-1", "2026"
    )
    s3 = Folder({**objects, "captures/a.jpg": b"jpeg"})
    aws: Any = SimpleNamespace(s3=s3, ssm=stubbed.aws.ssm)

    applied = apply_captures(
        Deployment(aws, stubbed.deployment.outputs),
        Sorted(labels={photo: "dog"}, lines={photo: 2}),
        None,
        lambda dataset: pytest.fail("a folder is not uploaded whole"),
    )

    place = f"train/dog/captured-{'1' * 16}.jpg"
    assert s3.written == [pets + place, pets + PROVENANCE, f"{pets}_SUCCESS"]
    assert s3.objects[pets + place] == b"jpeg"
    assert json.loads(s3.objects[pets + PROVENANCE])["name"] == place
    assert s3.read == ["captures/a.jpg"]
    assert applied.drop == Drop(f"{pets}_SUCCESS", "v2")
