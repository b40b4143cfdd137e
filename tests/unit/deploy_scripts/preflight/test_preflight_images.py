"""Container images: named ones are there, the others are built already or can be."""

import shutil
from typing import Any

import pytest

from deploy_scripts.container_images.registry import MANIFEST
from deploy_scripts.preflight.checks import images
from tests.unit.deploy_scripts.preflight.conftest import ACCOUNT, only

CONTENT = "0123456789abcdef"
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
LINUX_BUILDS = "Concurrently running builds for Linux/Small environment"
ARM_BUILDS = "Concurrently running builds for ARM/Small environment"


@pytest.fixture(autouse=True)
def content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "write_image_context", lambda folder: CONTENT)


def is_there(account: Any, repository: str, **image: str) -> None:
    details = {"imageDigest": f"sha256:{'1' * 64}", "imageManifestMediaType": MANIFEST}
    account.answer(
        "ecr", "describe_images", {"imageDetails": [details]}, repositoryName=repository, imageIds=[image]
    )


def is_missing(account: Any, code: str = "RepositoryNotFoundException") -> None:
    account.refuse("ecr", "describe_images", code)


def statuses(findings: Any) -> list[str]:
    """Of all but AWS's own image for GPUs, whose registry is not asked."""
    found = list(findings)
    assert "another account's" in found[0].found
    return [finding.status for finding in found[1:]]


def test_images_of_this_content_are_there_and_nothing_is_built(account: Any, intent: Any) -> None:
    is_there(account, "dropserve/serve", imageTag=f"{CONTENT}-arm64")
    is_there(account, "dropserve/train", imageTag=f"{CONTENT}-x86_64")
    assert statuses(images.check(intent(EndpointInstanceType="ml.m6g.large"))) == ["ok", "ok"]


def test_a_quota_of_no_builds_fails_with_the_ways_out(
    account: Any, intent: Any, quotas: Any, default_is: Any
) -> None:
    is_missing(account)
    is_missing(account)
    quotas("codebuild", {LINUX_BUILDS: 0})
    default_is(1)
    _, finding = images.check(intent())
    assert finding.status == "fail"
    assert "Cannot have more than 0 builds in queue" in finding.found
    assert "--image-builder docker" in finding.advice
    assert "--service-code codebuild --quota-code L-0 --desired-value 2 " in finding.command


@pytest.mark.parametrize(("builds", "status"), [({}, "warn"), ({"ids": ["one"]}, "ok")])
def test_only_a_build_that_ran_shows_that_codebuild_builds(
    account: Any, intent: Any, quotas: Any, builds: dict[str, list[str]], status: str
) -> None:
    is_missing(account)
    is_missing(account, "ImageNotFoundException")
    quotas("codebuild", {LINUX_BUILDS: 10})
    account.answer("codebuild", "list_builds", builds)
    assert statuses(images.check(intent())) == [status]


def test_each_processor_has_a_quota_of_its_own(
    account: Any, intent: Any, quotas: Any, default_is: Any
) -> None:
    is_missing(account)
    is_missing(account)
    quotas("codebuild", {LINUX_BUILDS: 1, ARM_BUILDS: 0})
    account.answer("codebuild", "list_builds", {"ids": ["one"]})
    default_is(1)
    assert statuses(images.check(intent(EndpointInstanceType="ml.m6g.large"))) == ["fail", "ok"]


@pytest.mark.parametrize(("program", "status"), [("/usr/bin/podman", "ok"), (None, "fail")])
def test_another_builder_must_be_on_this_machine(
    account: Any, intent: Any, monkeypatch: pytest.MonkeyPatch, program: str | None, status: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: program)
    is_missing(account)
    is_missing(account)
    assert statuses(images.check(intent("podman"))) == [status]


def test_named_images_of_this_account_must_be_there(account: Any, intent: Any) -> None:
    digest = f"sha256:{'2' * 64}"
    is_there(account, "own/serve", imageDigest=digest)
    is_missing(account, "ImageNotFoundException")
    found = images.check(
        intent(
            ServingImageUri=f"{REGISTRY}/own/serve@{digest}",
            TrainingImageUri=f"{REGISTRY}/own/train:1",
            GpuTrainingImageUri=f"{REGISTRY}/own/train:1",
        )
    )
    assert [finding.status for finding in found] == ["ok", "fail"]


def test_an_address_that_sagemaker_takes_nothing_from_fails(intent: Any) -> None:
    finding = only(images.check(intent(ServingImageUri="docker.example/serve:1")))
    assert (finding.status, "is no image in ECR in us-east-1" in finding.found) == ("fail", True)
