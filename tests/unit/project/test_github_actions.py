"""The workflow for users stores no key, pins actions by commit, and its roles are held to one deployment."""

import json
import re
from typing import Any

import pytest
import yaml

from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.project import IMAGES_TEMPLATE, TEMPLATE
from tests.support.documentation import PROJECT

FOLDER = PROJECT / "examples" / "github-actions"
TEXT = (FOLDER / "deploy.yml").read_text("utf-8")
JOBS: dict[str, Any] = yaml.safe_load(TEXT)["jobs"]
ROLES: dict[str, Any] = read_template(FOLDER / "roles.yaml")["Resources"]
# What a service of a resource's type is called in IAM, where it is another name.
_IN_IAM = {
    "serverless::function": "lambda",
    "serverless::statemachine": "states",
}


def statements(*resources: str) -> list[dict[str, Any]]:
    found = []
    for name in resources:
        properties = ROLES[name]["Properties"]
        documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        found += [statement for document in documents for statement in document["Statement"]]
    return found


def actions(*resources: str) -> set[str]:
    return {action for each in statements(*resources) for action in _listed(each["Action"])}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_action_is_named_by_a_commit_with_its_version_beside_it() -> None:
    uses = re.findall(r"uses: (.*)", TEXT)
    assert len(uses) == 6
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in uses), uses


def test_no_key_is_stored_and_each_job_asks_for_a_token_of_its_own() -> None:
    assert "secrets." not in TEXT and "access-key" not in TEXT
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert {job["permissions"]["id-token"] for job in JOBS.values()} == {"write"}


def test_only_a_push_to_main_deploys_and_only_after_the_environments_approval() -> None:
    workflow = yaml.safe_load(TEXT)
    assert workflow[True]["push"] == {"branches": ["main"]}  # YAML 1.1 reads `on` as true
    assert JOBS["deploy"]["if"] == "github.event_name == 'push'"
    assert JOBS["deploy"]["environment"] == ROLES_DEFAULTS["Environment"]
    assert JOBS["review"]["environment"] == ROLES_DEFAULTS["ReviewEnvironment"]
    assert "--dry-run" in JOBS["review"]["steps"][-1]["run"]
    assert "head.repo.full_name == github.repository" in JOBS["review"]["if"]


ROLES_DEFAULTS = {
    name: each.get("Default") for name, each in read_template(FOLDER / "roles.yaml")["Parameters"].items()
}


@pytest.mark.parametrize(
    ("role", "environment"), [("DeployRole", "Environment"), ("ReviewRole", "ReviewEnvironment")]
)
def test_a_role_is_assumed_by_one_environment_of_one_repository(role: str, environment: str) -> None:
    (trust,) = ROLES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {
                "Fn::Sub": f"${{SubjectPrefix}}:environment:${{{environment}}}"
            },
        }
    }


@pytest.mark.parametrize(
    ("prefix", "is_taken"),
    [
        ("repo:octo-org/octo-repo", True),
        ("repo:octo-org@123456/octo-repo@789012", True),
        ("repo:octo-org/*", False),
        ("repo:*", False),
        ("repo:octo-org/octo-repo:ref:refs/heads/main", False),
    ],
)
def test_a_subject_names_one_repository(prefix: str, is_taken: bool) -> None:
    parameter = read_template(FOLDER / "roles.yaml")["Parameters"]["SubjectPrefix"]
    assert bool(re.fullmatch(parameter["AllowedPattern"], prefix)) is is_taken


def test_the_review_changes_no_stack_no_role_and_no_function() -> None:
    assert ROLES["ReviewRole"]["Properties"]["ManagedPolicyArns"] == [{"Ref": "PreparePolicy"}]
    assert "Policies" not in ROLES["ReviewRole"]["Properties"]
    allowed = actions("PreparePolicy")
    assert not any("*" in action for action in allowed)
    assert not {"cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack"} & allowed
    assert {action.partition(":")[0] for action in allowed} == {
        *("s3", "cloudformation", "ssm", "ecr"),
    }


def test_every_statement_is_about_the_deployment_alone() -> None:
    """But for what can be about no resource, and the transform, which is AWS's own."""
    others = [
        (action, resource)
        for each in statements("PreparePolicy", "DeployRole")
        for resource in map(json.dumps, _listed(each["Resource"]))
        if "${Deployment}" not in resource
        for action in _listed(each["Action"])
    ]
    assert [action for action, _ in others] == ["cloudformation:CreateChangeSet", "logs:DescribeLogGroups"]
    assert "aws:transform/Serverless-2016-10-31" in others[0][1]


def test_the_deployer_may_make_what_is_in_the_templates() -> None:
    """But for a VPC, which no right on the deployment's own name covers: docs/network.md says so."""
    services = {action.partition(":")[0] for action in actions("PreparePolicy", "DeployRole")}
    for template in (TEMPLATE, IMAGES_TEMPLATE):
        for name, resource in read_template(template)["Resources"].items():
            if resource.get("Condition") == "MakesVpc":
                continue
            kind = resource["Type"].lower().removeprefix("aws::")
            assert _IN_IAM.get(kind, kind.partition("::")[0]) in services, name


def test_the_deployer_reads_nothing_of_the_data() -> None:
    for each in statements("DeployRole"):
        resource = json.dumps(each["Resource"])
        if "s3:::" in resource or ":table/" in resource:
            names = _listed(each["Action"])
            assert not any(re.search(r"Object|Item|Scan|Query|\*:\*|^s3:\*", action) for action in names)


def test_a_role_is_passed_to_services_of_the_templates_alone() -> None:
    (passing,) = [each for each in statements("DeployRole") if each["Action"] == "iam:PassRole"]
    text = TEMPLATE.read_text("utf-8") + IMAGES_TEMPLATE.read_text("utf-8")
    for service in passing["Condition"]["StringEquals"]["iam:PassedToService"]:
        written = f'!Sub "{service["Fn::Sub"]}"' if isinstance(service, dict) else service
        assert f"Service: {written}" in text, service
