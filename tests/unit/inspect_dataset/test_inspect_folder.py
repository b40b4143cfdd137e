"""Folder drops, and the handler around it all."""

import pytest

from functions.common.errors import SettingsError
from functions.common.observability import metrics
from functions.inspect_dataset import handler as handler_module
from functions.inspect_dataset.inspection import inspect_drop
from tests.support.lambda_context import LambdaContext
from tests.unit.inspect_dataset.drops_in_memory import BUCKET, JPEG, class_folders
from tests.unit.inspect_dataset.inspecting import MANIFEST


def drop_folder(s3, files, name="my pets"):
    for path, body in files.items():
        s3.drop(f"drops/{name}/{path}", body)
    s3.drop(f"drops/{name}/_SUCCESS", b"")


def test_a_sound_folder_is_accepted_and_its_versions_are_written_down(s3, make_run):
    drop_folder(s3, class_folders("train/", images=20))
    s3.drop("drops/my pets 2/other/1.jpg", JPEG)
    result = inspect_drop(make_run("drops/my pets/_SUCCESS"), data_bucket=BUCKET, s3=s3)
    assert result["accepted"]
    assert (result["dataset"], result["format"], result["layout"]) == ("my pets", "folder", "split")
    assert result["dataset_uri"] == f"s3://{BUCKET}/{MANIFEST}"
    assert (result["class_count"], result["image_count"]) == (2, 40)
    assert s3.gets == 14
    assert s3.bytes_read == 14 * 32
    assert not s3.copies


def test_empty_files_in_a_folder_are_no_photos(s3, make_run):
    drop_folder(s3, dict.fromkeys(class_folders(), b""))
    result = inspect_drop(make_run("drops/my pets/_SUCCESS"), data_bucket=BUCKET, s3=s3)
    assert not result["accepted"]
    assert "are no images" in result["reason"]


def test_an_empty_folder(s3, make_run):
    drop_folder(s3, {})
    result = inspect_drop(make_run("drops/my pets/_SUCCESS"), data_bucket=BUCKET, s3=s3)
    assert "no photo was found" in result["reason"]


def test_a_marker_that_is_gone(s3, make_run):
    result = inspect_drop(make_run("drops/my pets/_SUCCESS"), data_bucket=BUCKET, s3=s3)
    assert "there is no object 'drops/my pets/_SUCCESS'" in result["reason"]
    assert "check the key" in result["reason"]


@pytest.fixture
def environment(monkeypatch, s3):
    monkeypatch.setattr(metrics, "namespace", "dropserve")
    monkeypatch.setenv("DATA_BUCKET", BUCKET)
    monkeypatch.setenv("QUIET_S", "60")
    monkeypatch.setattr(handler_module, "client", {"s3": s3}.__getitem__)


def test_the_handler_answers_the_workflow(environment, s3, make_run):
    drop_folder(s3, class_folders())
    assert handler_module.handler(
        {"run": make_run("drops/my pets/_SUCCESS")}, LambdaContext("inspect_dataset")
    )["accepted"]


def test_the_handler_says_which_setting_is_missing(environment, monkeypatch, make_run):
    monkeypatch.delenv("DATA_BUCKET")
    with pytest.raises(SettingsError, match="DATA_BUCKET"):
        handler_module.handler({"run": make_run()}, LambdaContext("inspect_dataset"))
