"""The stack with a deployment's repositories, and the project that builds what lies in them."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.container_images.codebuild import ENVIRONMENTS
from deploy_scripts.container_images.provide import PARAMETERS
from deploy_scripts.project import IMAGES_TEMPLATE

TEMPLATE = read_template(IMAGES_TEMPLATE)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
REPOSITORIES = {name: each for name, each in RESOURCES.items() if each["Type"] == "AWS::ECR::Repository"}
PROJECT = RESOURCES["ImageBuilds"]["Properties"]
VARIABLES = ("CONTEXT_URI", "REGISTRY", "DEPLOYMENT", "TARGETS", "TAG")


def test_there_is_a_repository_for_each_image() -> None:
    names = {each["Properties"]["RepositoryName"]["Fn::Sub"] for each in REPOSITORIES.values()}
    assert names == {f"${{Deployment}}/{target}" for target in PARAMETERS}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_repository_is_scanned_encrypted_kept_small_and_emptied_in_the_end(name: str) -> None:
    properties = REPOSITORIES[name]["Properties"]
    assert properties["ImageTagMutability"] == "IMMUTABLE"
    assert properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert properties["EncryptionConfiguration"] == {"EncryptionType": "AES256"}
    assert properties["EmptyOnDelete"] is True
    (rule,) = json.loads(properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert (rule["action"], rule["selection"]["countNumber"]) == ({"type": "expire"}, 20)


def test_a_machine_that_builds_itself_gets_no_project_and_no_role() -> None:
    made_always = {name for name, each in RESOURCES.items() if "Condition" not in each}
    assert made_always == set(REPOSITORIES)


def test_the_build_uses_what_a_deployment_tells_it_and_nothing_else(tmp_path: Path) -> None:
    """The commands of the buildspec, run by a shell with programs that note what they are told."""
    spec = yaml.safe_load(PROJECT["Source"]["BuildSpec"])
    commands = [command for phase in spec["phases"].values() for command in phase["commands"]]
    assert set(re.findall(r"\$([A-Z_]+)", "".join(commands))) == set(VARIABLES)
    (tmp_path / "bin").mkdir()
    for name in ("aws", "docker", "python3"):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/calls\n')
        (tmp_path / "bin" / name).chmod(0o755)
    values = {"CONTEXT_URI": "s3://b/c.zip", "REGISTRY": "r", "DEPLOYMENT": "d", "TARGETS": "serve train"}
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "TAG": "t", **values}

    subprocess.run(["sh", "-ec", "\n".join(commands)], env=environment, check=True, cwd=tmp_path)

    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0] == "aws s3 cp --only-show-errors s3://b/c.zip context.zip"
    assert calls[1] == "python3 -m zipfile -e context.zip context"
    assert "docker login --username AWS --password-stdin r" in calls
    flags = "--provenance=false --sbom=false --progress plain"
    assert calls[-2:] == [
        f"docker buildx build --target {target} {flags} "
        f"--output type=image,name=r/d/{target}:t,push=true,oci-mediatypes=false context"
        for target in ("serve", "train")
    ]


def test_the_project_builds_for_x86_64_unless_a_build_says_otherwise() -> None:
    environment = PROJECT["Environment"]
    assert (environment["Type"], environment["Image"]) == ENVIRONMENTS["x86_64"]
    assert environment["PrivilegedMode"] is True


def test_the_build_may_push_to_these_repositories_and_nowhere_else() -> None:
    role = RESOURCES["ImageBuildRole"]["Properties"]
    assert role["Path"] == {"Fn::Sub": "/${Deployment}/"}
    statements = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    for statement in statements:
        actions = statement["Action"]
        assert "*" not in str(actions)
        if statement["Resource"] == "*":
            assert actions == "ecr:GetAuthorizationToken"
        if "ecr:PutImage" in actions:
            assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]} for name in REPOSITORIES]
    trust = role["AssumeRolePolicyDocument"]["Statement"][0]
    assert set(trust["Condition"]["StringEquals"]) == {"aws:SourceAccount", "aws:SourceArn"}
