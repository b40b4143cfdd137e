"""The stack with repositories and build project, deployed by the deployment's own code; and taken away."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from deploy_scripts.aws import Aws, Target
from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket
from deploy_scripts.cloudformation.stack import delete_stack, find_status
from deploy_scripts.container_images.provide import ImageBuilder, deploy_images_stack
from local_cloud.control import Cloud

pytestmark = pytest.mark.cloud


def silent(_: str) -> None:
    """Says nothing."""


@pytest.mark.parametrize(("builder", "projects"), [("codebuild", 1), ("podman", 0)])
def test_repositories_come_and_go_and_a_project_only_where_it_is_used(
    cloud: Cloud, cloud_client: Callable[..., Any], builder: ImageBuilder, projects: int
) -> None:
    session = boto3.Session(
        aws_access_key_id=cloud.root_key.access_key_id,
        aws_secret_access_key=cloud.root_key.secret_access_key,
        region_name="us-east-1",
    )
    name = f"pictures-{builder}"
    aws = Aws(session, target=Target(stack=name), endpoint_url=cloud.endpoint_url)
    bucket = ArtifactsBucket(aws)
    bucket.ensure()

    deploy_images_stack(aws, bucket, builder, silent)

    (repository,) = aws.ecr.describe_repositories(repositoryNames=[f"{name}/train"])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    found = cloud_client("codebuild").batch_get_projects(names=[f"{name}-images"])["projects"]
    roles = [each["Arn"] for each in cloud_client("iam").list_roles(PathPrefix=f"/{name}/")["Roles"]]
    assert len(found) == projects
    assert [project["serviceRole"] for project in found] == roles

    delete_stack(aws.beside("images"), say=silent)

    assert find_status(aws.beside("images")) in {None, "DELETE_COMPLETE"}
    names = [each["repositoryName"] for each in aws.ecr.describe_repositories()["repositories"]]
    assert not [each for each in names if each.startswith(name)]
