"""Images take minutes and cost money: they are built once somebody has agreed, and never in a dry run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy_scripts import stack_deployment
from deploy_scripts.cloudformation import stack_change
from deploy_scripts.cloudformation.stack import NothingChangedError
from deploy_scripts.cloudformation.stack_change import StackChange
from deploy_scripts.container_images.provide import PlannedImages
from deploy_scripts.review.review import Review
from deploy_scripts.stack_deployment import DeployChoices, deploy

BY_TAG, BY_DIGEST = {"ServingImageUri": "serve:tag"}, {"ServingImageUri": "serve@digest"}


class Bucket:
    """Takes everything."""

    name = "artifacts"
    uploaded: tuple[str, ...] = ()

    def __init__(self, aws: Any) -> None:
        self.aws = aws

    def ensure(self, key: str) -> None:
        """It is there."""

    def upload(self, file: Path, folder: str) -> str:
        return f"{folder}/{file.name}"

    def upload_weights(self, backbone: str, file: Path) -> None:
        """They are there."""

    def url(self, key: str) -> str:
        return f"https://s3/{key}"


@pytest.fixture
def steps(stubbed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What a deployment did, in order; CloudFormation itself asks only when there is somebody to ask."""
    done: list[Any] = []

    def deploy_stack(aws: Any, url: str, parameters: Any, **options: Any) -> bool:
        done.append(("change set", parameters["ServingImageUri"]))
        if options["accept"] and not options["accept"]([], False):
            raise NothingChangedError
        done.append("changed")
        return True

    def provide_images(*_arguments: Any, **_options: Any) -> dict[str, str]:
        done.append("images")
        return BY_DIGEST

    stubbed.aws.account_id = "000000000000"
    built = SimpleNamespace(training_code=Path("code.tar.gz"), ec2_boot=Path("boot.sh"), functions={})
    for name, value in {
        "work_folder": lambda: tmp_path,
        "read_parameters": lambda aws: {},
        "build": lambda *_arguments, **_options: built,
        "ArtifactsBucket": Bucket,
        "shipped_weights": lambda: Path("weights.pth"),
        "find_parameter": lambda aws, name: None,
        "provide_images": provide_images,
        "read_template_of": lambda aws: None,
        "read_outputs": lambda aws: {"BucketName": "data"},
        "restore_drop_events": lambda *_arguments, **_options: None,
        "check_drift": lambda *_arguments, **_options: None,
        "local_target": SimpleNamespace(wait_until_saved=lambda: None),
    }.items():
        monkeypatch.setattr(stack_deployment, name, value)
    monkeypatch.setattr(StackChange, "_upload", lambda self, template, parameters: "templates/t.json")
    monkeypatch.setattr(stack_change, "bucket_exists", lambda aws, name: False)
    monkeypatch.setattr(stack_change, "deploy_stack", deploy_stack)
    return done


def run(stubbed: Any, monkeypatch: pytest.MonkeyPatch, to_build: tuple[str, ...], accept: Any) -> None:
    planned = PlannedImages(BY_TAG if to_build else BY_DIGEST, to_build)
    monkeypatch.setattr(stack_deployment, "plan_images", lambda *_arguments: planned)
    silent = lambda line: None  # noqa: E731
    deploy(stubbed.aws, DeployChoices(accept=accept), say=silent, warn=silent)


def test_images_are_built_after_the_answer(
    steps: list[Any], stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Review] = []
    run(
        stubbed,
        monkeypatch,
        ("serve for arm64, by codebuild",),
        lambda changes: shown.append(changes) or True,
    )

    assert steps == [("change set", "serve:tag"), "images", ("change set", "serve@digest"), "changed"]
    assert [each.sections["Container images to build"] for each in shown] == [
        ["serve for arm64, by codebuild"]
    ]


def test_who_says_no_builds_nothing(steps: list[Any], stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NothingChangedError):
        run(stubbed, monkeypatch, ("train for x86_64, by podman",), lambda changes: False)
    assert steps == [("change set", "serve:tag")]


def test_images_that_are_there_need_one_change_set(
    steps: list[Any], stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(stubbed, monkeypatch, (), lambda changes: True)
    assert steps == [("change set", "serve@digest"), "changed"]


def test_nobody_is_asked_where_nobody_wants_to_be(
    steps: list[Any], stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(stubbed, monkeypatch, ("serve for arm64, by codebuild",), None)
    assert steps == ["images", ("change set", "serve@digest"), "changed"]
