"""Which IAM actions the caller needs: read from the code and from CloudFormation's own schemas.

    python -m deploy_scripts.preflight.needed_actions      writes needed_actions.json; a test compares it

`deploys`: what a deployment calls itself. `makes`: what CloudFormation calls, in the caller's name, to make
each resource that both templates have by their defaults. `uses`: what the other commands call. `may_call`:
what else CloudFormation's handlers list, some for properties that the templates do not set. The schemas are
AWS's, as cfn-lint has them:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from deploy_scripts.cloudformation.sam_template import conditions_of, defaults, expand, read_template
from deploy_scripts.project import IMAGES_TEMPLATE, ROOT, TEMPLATE

if TYPE_CHECKING:
    from botocore.model import ServiceModel
    from botocore.session import Session

FILE = Path(__file__).with_suffix(".json")
_CODE = ROOT / "deploy_scripts"
# The checks say themselves what they may not ask; the others run on the local cloud alone.
_LEFT_OUT = ("preflight/", "permissions/", "cloudformation/drift.py")
_DEPLOYING = ("stack_deployment.py", "cloudformation/", "container_images/")
# Methods of boto3 that are no operation of the API.
_TRANSFERS = {"upload_file": "put_object", "download_file": "get_object"}
# Where the action's name is not the operation's, by list_amazons3.html and list_awslambda.html of
# https://docs.aws.amazon.com/service-authorization/latest/reference/
_ACTIONS = {
    "lambda:Invoke": ("lambda:InvokeFunction",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:GetBucketNotificationConfiguration": ("s3:GetBucketNotification",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:PutBucketNotificationConfiguration": ("s3:PutBucketNotification",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    # Everybody may.
    "sts:GetCallerIdentity": (),
}
# Its schema names no permission.
_UNSTATED = {"AWS::CodeBuild::Project": "codebuild:CreateProject"}
_MAKING = ("Add", "Create", "Publish", "Put", "Set", "Subscribe")


def needed_actions() -> dict[str, list[str]]:
    """The document of needed_actions.json."""
    # Functions, rules and the state machine are given roles.
    makes, all_of_handlers = {"iam:PassRole"}, set()
    by_default = _resource_types(by_default=True)
    for resource_type in sorted(_resource_types(by_default=False)):
        handlers = _handlers(resource_type)
        service = _service_of(resource_type)
        if resource_type in by_default:
            created = [action for action in handlers.get("create", []) if action.startswith(f"{service}:")]
            makes.add(_UNSTATED.get(resource_type) or _making(resource_type, created))
        all_of_handlers |= {
            action
            for actions in handlers.values()
            for action in actions
            if action.startswith(f"{service}:") and "." not in action
        }
    files = {str(file.relative_to(_CODE)): file for file in _CODE.rglob("*.py")}
    calls = {name: _calls(file) for name, file in files.items() if not name.startswith(_LEFT_OUT)}
    deploys = {action for name, called in calls.items() if name.startswith(_DEPLOYING) for action in called}
    uses = {action for called in calls.values() for action in called} - deploys - makes
    return {
        "deploys": sorted(deploys),
        "makes": sorted(makes - deploys),
        "uses": sorted(uses),
        "may_call": sorted(all_of_handlers - makes - deploys - uses),
    }


def read_needed_actions() -> dict[str, list[str]]:
    """The document as it was written."""
    document: dict[str, list[str]] = json.loads(FILE.read_text())
    return document


def rendered() -> str:
    return json.dumps(needed_actions(), indent=1) + "\n"


# -- what the command line calls


def _calls(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            service = _client_properties().get(_last_name(node.func.value))
            if service:
                found |= set(_actions(service, node.func.attr, node.args))
    return found


@cache
def _client_properties() -> dict[str, str]:
    """Property of Aws -> the service that its client is of: {"functions": "lambda", ...}."""
    found = {}
    for node in ast.walk(ast.parse((_CODE / "aws.py").read_text())):
        if not isinstance(node, ast.FunctionDef):
            continue
        for call in ast.walk(node):
            if not isinstance(call, ast.Call) or _last_name(call.func) != "client":
                continue
            if isinstance(call.args[0], ast.Constant):
                found[node.name] = str(call.args[0].value)
    return found


def _last_name(node: ast.expr) -> str:
    """`s3` of `self._aws.s3`, of a variable `s3`, and of `self._s3`."""
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.removeprefix("_")


@cache
def _session() -> Session:
    import botocore.session  # noqa: PLC0415 - 0.1 s that a command need not pay

    return botocore.session.get_session()


@cache
def _model(service: str) -> ServiceModel:
    return _session().get_service_model(service)


def _actions(service: str, method: str, arguments: list[ast.expr]) -> Iterator[str]:
    model = _model(service)
    operations = {xform_name(name): name for name in model.operation_names}
    if method in {"get_paginator", "generate_presigned_url"}:
        method = ast.literal_eval(arguments[0])
    if method == "get_waiter":
        waiters = _session().get_waiter_model(service)
        name = {xform_name(each): each for each in waiters.waiter_names}[ast.literal_eval(arguments[0])]
        method = xform_name(waiters.get_waiter(name).operation)
    operation = operations.get(_TRANSFERS.get(method, method))
    if operation:
        action = f"{model.signing_name}:{operation}"
        yield from _ACTIONS.get(action, (action,))


# -- what CloudFormation calls


def _resource_types(*, by_default: bool) -> set[str]:
    """Of both templates, once SAM has transformed the first: all, or those that their defaults make."""
    found = set()
    for template in (expand(read_template(file)) for file in (TEMPLATE, IMAGES_TEMPLATE)):
        held = conditions_of(template, defaults(template))
        found |= {
            resource["Type"]
            for resource in template["Resources"].values()
            if not by_default or held.get(resource.get("Condition", ""), True)
        }
    return found


@cache
def _schemas() -> Path:
    """cfn-lint's data; its code takes seconds to import and is not needed."""
    found = find_spec("cfnlint")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("cfn-lint is not installed: make setup", name="cfnlint")
    return Path(found.submodule_search_locations[0]) / "data" / "schemas"


def _handlers(resource_type: str) -> dict[str, list[str]]:
    """Handler (`create`, `read`, ...) -> its permissions, in AWS's order."""
    schemas = _schemas()
    hashes: dict[str, str] = json.loads((schemas / "providers" / "us-east-1.json").read_text())
    schema: dict[str, Any] = json.loads((schemas / "resources" / f"{hashes[resource_type]}.json").read_text())
    return {name: handler["permissions"] for name, handler in schema.get("handlers", {}).items()}


def _service_of(resource_type: str) -> str:
    """`logs` of `AWS::Logs::LogGroup`, `states` of `AWS::StepFunctions::StateMachine`."""
    other_names = {"StepFunctions": "states"}
    name = resource_type.split("::")[1]
    return other_names.get(name, name.lower())


def _making(resource_type: str, created: list[str]) -> str:
    """The action that makes the resource itself: the first that its create handler lists."""
    making = [action for action in created if action.partition(":")[2].startswith(_MAKING)]
    if not making:
        raise ValueError(f"no action of {resource_type} makes it: {created}")
    return making[0]


if __name__ == "__main__":
    FILE.write_text(rendered())
