"""The stack with repositories and build project, deployed by the deployment's own code; and taken away."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy_scripts.artifacts_bucket import ArtifactsBucket
from deploy_scripts.aws import Aws, Target
from deploy_scripts.images.provide import deploy_images_stack
from deploy_scripts.stack import delete_stack, find_status
from local_cloud.control import Cloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def aws(cloud: Cloud) -> Aws:
    session = boto3.Session(
        aws_access_key_id=cloud.root_key.access_key_id,
        aws_secret_access_key=cloud.root_key.secret_access_key,
        region_name="us-east-1",
    )
    return Aws(session, target=Target(stack="pictures"), endpoint_url=cloud.endpoint_url)


def test_repositories_and_project_come_and_go(
    aws: Aws, cloud_client: Callable[..., Any], tmp_path: Path
) -> None:
    bucket = ArtifactsBucket(aws)
    bucket.ensure()
    deploy_images_stack(aws, bucket, "codebuild", lambda _: None)

    (repository,) = aws.ecr.describe_repositories(repositoryNames=["pictures/train"])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    (project,) = cloud_client("codebuild").batch_get_projects(names=["pictures-images"])["projects"]
    roles = cloud_client("iam").list_roles(PathPrefix="/pictures/")["Roles"]
    assert project["serviceRole"] in {role["Arn"] for role in roles}

    # A person who builds on a machine of their own needs no project, and no role for it.
    deploy_images_stack(aws, bucket, "podman", lambda _: None)
    assert cloud_client("codebuild").batch_get_projects(names=["pictures-images"])["projects"] == []
    assert cloud_client("iam").list_roles(PathPrefix="/pictures/")["Roles"] == []

    delete_stack(aws.beside("images"), say=lambda _: None)
    assert find_status(aws) is None
    assert aws.ecr.describe_repositories()["repositories"] == []
