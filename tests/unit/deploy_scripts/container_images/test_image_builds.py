"""Images are built by CodeBuild when ECR has none of their content, and go by their digest from then on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket
from deploy_scripts.container_images import codebuild, provide
from deploy_scripts.container_images.provide import BuildChoices, plan_images, provide_images
from deploy_scripts.container_images.registry import MANIFEST
from deploy_scripts.errors import CliError

CONTENT = "0123456789abcdef"
HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
BUILD_ID = "dropserve-images:1"
NOW = datetime(2026, 11, 28, tzinfo=UTC)
# What served before may be one of these, whatever comes now.
OWN_REPOSITORIES = [
    f"arn:aws:ecr:us-east-1:000000000000:repository/dropserve/{target}" for target in ("serve", "train")
]
AWS_REPOSITORY = "arn:aws:ecr:us-east-1:763104351884:repository/pytorch"


def digest_of(target: str) -> str:
    return "sha256:" + {"serve": "5", "train": "7"}[target] * 64


@pytest.fixture
def account(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A deployment whose images stack stands and whose context is small; what the stack was told."""

    def write_context(folder: Path) -> str:
        folder.mkdir()
        (folder / "Dockerfile").write_text("FROM scratch\n")
        return CONTENT

    stubbed.aws.account_id = "000000000000"
    stubbed.stacks = []
    monkeypatch.setattr(provide, "write_image_context", write_context)
    monkeypatch.setattr(
        provide,
        "deploy_stack",
        lambda aws, url, parameters, say: stubbed.stacks.append((aws.stack, url.split("/")[-2], parameters)),
    )
    monkeypatch.setattr(ArtifactsBucket, "upload", lambda self, file, folder: f"{folder}/{file.name}")
    monkeypatch.setattr(codebuild, "_POLL_S", 0.0)
    yield stubbed
    stubbed.assert_all_asked()


def find(account: Any, target: str, architecture: str, *, there: bool, media_type: str = MANIFEST) -> None:
    """The next question is whether this image is there."""
    asked = {
        "repositoryName": f"dropserve/{target}",
        "imageIds": [{"imageTag": f"{CONTENT}-{architecture}"}],
    }
    if there:
        found = {"imageDigest": digest_of(target), "imageManifestMediaType": media_type}
        account.answer("ecr", "describe_images", {"imageDetails": [found]}, **asked)
    else:
        account.refuse("ecr", "describe_images", "ImageNotFoundException", "not there", **asked)


def expect_build(account: Any, targets: str, architecture: str) -> None:
    environment_type, image = codebuild.ENVIRONMENTS[architecture]
    variables = {
        "CONTEXT_URI": "s3://dropserve-artifacts-000000000000-us-east-1/images/context.zip",
        "REGISTRY": HOST,
        "DEPLOYMENT": "dropserve",
        "TARGETS": targets,
        "TAG": f"{CONTENT}-{architecture}",
    }
    account.answer(
        "codebuild",
        "start_build",
        {"build": {"id": BUILD_ID}},
        projectName="dropserve-images",
        environmentTypeOverride=environment_type,
        imageOverride=image,
        environmentVariablesOverride=[
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
        ],
    )


def build_is(account: Any, status: str, phase: str = "COMPLETED", **more: Any) -> None:
    build = {"id": BUILD_ID, "startTime": NOW, "buildStatus": status, "currentPhase": phase, **more}
    account.answer("codebuild", "batch_get_builds", {"builds": [build]}, ids=[BUILD_ID])


def provided(account: Any, said: list[str], architecture: Any = "x86_64", **given: str) -> dict[str, str]:
    choices = BuildChoices("codebuild", architecture)
    return provide_images(account.aws, given, choices, bucket=ArtifactsBucket(account.aws), say=said.append)


def test_images_of_this_content_are_taken_as_they_are(account: Any) -> None:
    for target in ("serve", "train", "serve", "train"):
        find(account, target, "x86_64", there=True)
    said: list[str] = []

    assert provided(account, said) == {
        "ServingImageUri": f"{HOST}/dropserve/serve@{digest_of('serve')}",
        "TrainingImageUri": f"{HOST}/dropserve/train@{digest_of('train')}",
        "GpuTrainingImageUri": "763104351884.dkr.ecr.us-east-1.amazonaws.com/"
        "pytorch:2.13.0-cu133-amzn2023-sagemaker",
        "ImageRepositoryArns": ",".join([*OWN_REPOSITORIES, AWS_REPOSITORY]),
    }
    assert said == ["The container images are up to date"]
    ((name, _, parameters),) = account.stacks
    assert (name, parameters["Deployment"], parameters["ImageBuilder"]) == (
        "dropserve-images",
        "dropserve",
        "codebuild",
    )


def test_both_images_are_built_in_one_build_which_is_followed(account: Any) -> None:
    for target in ("serve", "train"):
        find(account, target, "x86_64", there=False)
    expect_build(account, "serve train", "x86_64")
    build_is(account, "IN_PROGRESS", "PROVISIONING")
    build_is(account, "IN_PROGRESS", "BUILD")
    build_is(account, "SUCCEEDED")
    for target in ("serve", "train"):
        find(account, target, "x86_64", there=True)
    said: list[str] = []

    uris = provided(account, said)

    assert uris["ServingImageUri"].endswith(f"/dropserve/serve@{digest_of('serve')}")
    assert [line.split(",")[0] for line in said] == [
        "CodeBuild builds serve and train: PROVISIONING",
        "CodeBuild builds serve and train: BUILD",
        "CodeBuild builds serve and train: COMPLETED",
    ]


def test_an_arm_endpoints_image_is_built_on_arm(account: Any) -> None:
    find(account, "serve", "arm64", there=False)
    find(account, "train", "x86_64", there=True)
    expect_build(account, "serve", "arm64")
    build_is(account, "SUCCEEDED")
    find(account, "serve", "arm64", there=True)
    find(account, "train", "x86_64", there=True)

    provided(account, [], "arm64")

    assert codebuild.ENVIRONMENTS["arm64"][0] == "ARM_CONTAINER"


def test_each_processor_has_a_build_of_its_own(account: Any) -> None:
    find(account, "serve", "arm64", there=False)
    find(account, "train", "x86_64", there=False)
    for targets, architecture in (("serve", "arm64"), ("train", "x86_64")):
        expect_build(account, targets, architecture)
        build_is(account, "SUCCEEDED")
        # asked for once both are built
    find(account, "serve", "arm64", there=True)
    find(account, "train", "x86_64", there=True)

    provided(account, [], "arm64")


def test_images_that_were_built_elsewhere_need_no_repository_and_no_build(account: Any) -> None:
    given = {
        "ServingImageUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/a:1",
        "TrainingImageUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/b:1",
        "GpuTrainingImageUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/b:1",
    }

    found = provided(account, [], **given, MaxInstances="3")

    repositories = [
        *OWN_REPOSITORIES,
        *(f"arn:aws:ecr:us-east-1:111122223333:repository/{name}" for name in "ab"),
    ]
    assert found == {**given, "ImageRepositoryArns": ",".join(repositories)}
    assert account.stacks == []


def test_an_address_that_nobody_can_pull_is_refused_before_anything_is_built(account: Any) -> None:
    with pytest.raises(CliError, match="is no image in ECR"):
        provided(account, [], GpuTrainingImageUri="pytorch:latest")
    assert account.stacks == []


def test_a_new_accounts_quota_of_0_names_the_other_ways(account: Any) -> None:
    find(account, "serve", "x86_64", there=False)
    find(account, "train", "x86_64", there=False)
    account.refuse(
        "codebuild",
        "start_build",
        "AccountLimitExceededException",
        "Cannot have more than 0 builds in queue for the account",
    )

    with pytest.raises(CliError) as failure:
        provided(account, [])

    assert "Cannot have more than 0 builds in queue" in failure.value.message
    for way in ("AWS Support", "--image-builder docker", "ServingImageUri", "TrainingImageUri"):
        assert way in failure.value.advice


def test_a_failed_build_tells_its_phase_and_the_end_of_its_log(account: Any) -> None:
    find(account, "serve", "x86_64", there=False)
    find(account, "train", "x86_64", there=False)
    expect_build(account, "serve train", "x86_64")
    context = {"statusCode": "COMMAND_EXECUTION_ERROR", "message": "Error while executing command: docker"}
    phases = [
        {"phaseType": "PRE_BUILD", "phaseStatus": "SUCCEEDED"},
        {"phaseType": "BUILD", "phaseStatus": "FAILED", "contexts": [context]},
        {"phaseType": "COMPLETED"},
    ]
    logs = {"groupName": "/dropserve/image-builds", "streamName": "1", "deepLink": "https://console/1"}
    build_is(account, "FAILED", phases=phases, logs=logs)
    events = [{"message": "ERROR: no space left on device\n"}]
    account.answer(
        "logs",
        "get_log_events",
        {"events": events},
        logGroupName="/dropserve/image-builds",
        logStreamName="1",
        limit=20,
    )

    with pytest.raises(CliError) as failure:
        provided(account, [])

    assert failure.value.details == (
        "BUILD FAILED: Error while executing command: docker",
        "ERROR: no space left on device",
    )
    assert "https://console/1" in failure.value.advice


def test_an_image_with_a_manifest_that_sagemaker_refuses_is_not_deployed(account: Any) -> None:
    find(account, "serve", "x86_64", there=True, media_type="application/vnd.oci.image.manifest.v1+json")
    with pytest.raises(CliError, match="which SageMaker refuses"):
        provided(account, [])


def test_a_build_that_left_no_image_is_no_success(account: Any) -> None:
    find(account, "serve", "x86_64", there=False)
    find(account, "train", "x86_64", there=True)
    expect_build(account, "serve", "x86_64")
    build_is(account, "SUCCEEDED")
    find(account, "serve", "x86_64", there=False)
    with pytest.raises(CliError, match="is not there"):
        provided(account, [])


def test_what_would_be_built_is_planned_by_tag_and_nothing_is_begun(account: Any) -> None:
    find(account, "serve", "arm64", there=True)
    find(account, "train", "x86_64", there=False)

    planned = plan_images(account.aws, {}, BuildChoices("codebuild", "arm64"))

    assert planned.to_build == ("train for x86_64, by codebuild",)
    assert planned.parameters["ServingImageUri"] == f"{HOST}/dropserve/serve@{digest_of('serve')}"
    assert planned.parameters["TrainingImageUri"] == f"{HOST}/dropserve/train:{CONTENT}-x86_64"
    assert set(planned.parameters["ImageRepositoryArns"].split(",")) == {*OWN_REPOSITORIES, AWS_REPOSITORY}
    assert account.stacks == []


def test_an_account_without_repositories_has_everything_to_build(account: Any) -> None:
    for _ in range(2):
        account.refuse("ecr", "describe_images", "RepositoryNotFoundException")
    planned = plan_images(account.aws, {}, BuildChoices("podman", "x86_64"))
    assert planned.to_build == ("serve for x86_64, by podman", "train for x86_64, by podman")


def test_images_that_a_person_names_are_not_asked_for(account: Any) -> None:
    given = {"ServingImageUri": f"{HOST}/mine:1", "TrainingImageUri": f"{HOST}/mine:2"}
    planned = plan_images(account.aws, given, BuildChoices("codebuild", "x86_64"))
    assert planned.to_build == ()
    assert {name: planned.parameters[name] for name in given} == given
