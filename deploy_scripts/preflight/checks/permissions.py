"""What the caller may do, by IAM's own simulation of its policies, boundary and organization.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
Not seen there: the policies of a session, and of resources.
"""

import re
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.preflight.needed_actions import read_needed_actions

NAME = "permissions"
_ASSUMED_ROLE = re.compile(r"arn:[\w-]+:sts::\d{12}:assumed-role/([^/]+)/.+")
# Service -> what the deployment's own resources are called there: a policy may name no others.
_OWN_RESOURCES = {
    "budgets": ("budgets::{account}:budget/{stack}-month",),
    "cloudformation": ("cloudformation:{region}:{account}:stack/{stack}/any",),
    "cloudwatch": (
        "cloudwatch:{region}:{account}:alarm:{stack}-any",
        "cloudwatch::{account}:dashboard/{stack}-inference",
    ),
    "codebuild": ("codebuild:{region}:{account}:project/{stack}-images",),
    "dynamodb": ("dynamodb:{region}:{account}:table/{stack}-ledger",),
    "ecr": ("ecr:{region}:{account}:repository/{stack}/serve",),
    "events": ("events:{region}:{account}:rule/{stack}-any",),
    "iam": ("iam::{account}:role/{stack}/any", "iam::{account}:instance-profile/{stack}/any"),
    "lambda": ("lambda:{region}:{account}:function:{stack}-inference",),
    "logs": (
        "logs:{region}:{account}:log-group:/aws/lambda/{stack}-inference:*",
        "logs:{region}:{account}:log-group:/{stack}/ec2-training:*",
    ),
    "s3": ("s3:::{stack}-{account}-{region}", "s3:::{stack}-{account}-{region}/drops/any"),
    "sagemaker": (
        "sagemaker:{region}:{account}:endpoint/{stack}-any",
        "sagemaker:{region}:{account}:endpoint-config/{stack}-any",
        "sagemaker:{region}:{account}:model/{stack}-any",
        "sagemaker:{region}:{account}:training-job/{stack}-any",
    ),
    "sns": ("sns:{region}:{account}:{stack}-runs",),
    "sqs": ("sqs:{region}:{account}:{stack}-undelivered-drops",),
    "ssm": ("ssm:{region}:{account}:parameter/{stack}/live",),
    "states": (
        "states:{region}:{account}:stateMachine:{stack}-training-pipeline",
        "states:{region}:{account}:execution:{stack}-training-pipeline:any",
    ),
}
_AT_MOST_NAMED = 12


def check(intent: Intent) -> Iterator[Finding]:
    """What a deployment needs is a failure where it is denied; what only some need, a warning."""
    caller = intent.aws.sts.get_caller_identity()["Arn"]
    if caller.endswith(":root"):
        yield Finding(NAME, "ok", "The account's root user may do everything")
        return
    principal = _principal(intent, caller)
    if principal is None:
        yield Finding(NAME, "warn", f"Not known: IAM simulates no {caller}.")
        return
    needed = read_needed_actions()
    denied, unsure = _denied(intent, principal, [each for group in needed.values() for each in group])
    required = {*needed["deploys"], *needed["makes"]}
    lacking = [action for action in denied if action in required]
    if lacking:
        advice = "Ask for them; on the deployment's own resources they are enough."
        yield Finding(NAME, "fail", f"{principal} may not {_named(lacking)}.", advice)
    others = [action for action in denied if action not in required]
    if others:
        found = (
            f"{principal} may not {_named(others)}: some commands, changes or `dropserve destroy` may fail."
        )
        yield Finding(NAME, "warn", found, "Ask for those of them that you need.")
    if unsure:
        found = f"Conditions of policies decide on {_named(unsure)}, which the simulation cannot know."
        yield Finding(NAME, "warn", found)
    if not denied and not unsure:
        count = sum(map(len, needed.values()))
        yield Finding(NAME, "ok", f"{principal} may do all {count} actions that are known to be needed")


def _principal(intent: Intent, caller: str) -> str | None:
    """What IAM simulates: a user, or the role that a session is of, with its path; None for others."""
    if match := _ASSUMED_ROLE.fullmatch(caller):
        try:
            return intent.aws.iam.get_role(RoleName=match[1])["Role"]["Arn"]
        except ClientError as error:
            if not is_error(error, "AccessDenied", "NoSuchEntity"):
                raise
            # The session's name has no path; that of most roles is /.
            return f"arn:{intent.aws.partition.name}:iam::{intent.aws.account_id}:role/{match[1]}"
    return caller if ":user/" in caller else None


def _denied(intent: Intent, principal: str, actions: Collection[str]) -> tuple[list[str], list[str]]:
    """Those that are denied on everything and on the deployment's own resources; and those in doubt."""
    denied: list[str] = []
    unsure: list[str] = []
    on_all = _simulate(intent, principal, actions, "*")
    open_questions = sorted(action for action, decision in on_all.items() if decision != "allowed")
    for service, group in groupby(open_questions, key=lambda action: action.partition(":")[0]):
        names = list(group)
        decisions = [on_all]
        decisions += [_simulate(intent, principal, names, each) for each in _own_resources(intent, service)]
        for action in names:
            told = {decision.get(action, "denied") for decision in decisions}
            if "allowed" not in told:
                (unsure if "unsure" in told else denied).append(action)
    return denied, unsure


def _simulate(intent: Intent, principal: str, actions: Collection[str], resource: str) -> dict[str, str]:
    """Action -> `allowed`, `denied`, or `unsure` where a condition asks for what is not known."""
    pages = intent.aws.iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=principal,
        ActionNames=list(actions),
        ResourceArns=[resource],
        ContextEntries=[
            {
                "ContextKeyName": "aws:RequestedRegion",
                "ContextKeyType": "string",
                "ContextKeyValues": [intent.aws.region],
            }
        ],
    )
    return {
        result["EvalActionName"]: _decision(result) for page in pages for result in page["EvaluationResults"]
    }


def _decision(result: Any) -> str:
    if result["EvalDecision"] == "allowed":
        return "allowed"
    is_open = result["EvalDecision"] == "implicitDeny" and result.get("MissingContextValues")
    return "unsure" if is_open else "denied"


def _own_resources(intent: Intent, service: str) -> list[str]:
    aws = intent.aws
    place = {"region": aws.region, "account": aws.account_id, "stack": aws.stack}
    return [f"arn:{aws.partition.name}:{each.format(**place)}" for each in _OWN_RESOURCES.get(service, ())]


def _named(actions: list[str]) -> str:
    named = ", ".join(actions[:_AT_MOST_NAMED])
    more = len(actions) - _AT_MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
