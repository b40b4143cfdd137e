"""The CloudFormation stack: deployed by change set, read, deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from deploy_scripts.aws import Aws
from deploy_scripts.errors import CliError, is_error

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
# Stacks that never came to be: nothing was released from them.
NEVER_DEPLOYED = {"REVIEW_IN_PROGRESS", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
# Stacks that can only be deleted.
_LEFT_BY_A_FAILURE = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
# Stacks that have no outputs yet, or soon none any more.
_COMING_OR_GOING = {"CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}


class NothingChangedError(Exception):
    """A person has looked at the changes and did not want them."""


# Whether to make these changes; the second says that the stack is new.
Accept = Callable[[list[Mapping[str, Any]], bool], bool]
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


def find_status(aws: Aws) -> str | None:
    """The stack's status, or None when there is no such stack."""
    stack = _find_stack(aws)
    return stack["StackStatus"] if stack else None


def _find_stack(aws: Aws) -> StackTypeDef | None:
    try:
        return aws.cloudformation.describe_stacks(StackName=aws.stack)["Stacks"][0]
    except ClientError as error:
        if is_error(error, "ValidationError"):
            return None
        raise


def read_outputs(aws: Aws) -> dict[str, str]:
    """Raises CliError when the stack is not deployed, or not yet."""
    status = find_status(aws)
    if status in _COMING_OR_GOING:
        raise CliError(
            f"The deployment {aws.stack} is being made or removed at this moment ({status}).",
            "Try again when that has ended; `dropserve destroy` waits for it by itself.",
        )
    if status is None or status in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE", *_LEFT_BY_A_FAILURE}:
        where = "the local cloud" if aws.is_local else f"AWS ({aws.region})"
        raise CliError(
            f"There is no deployment named {aws.stack} in {where}.",
            f"Deploy it: `dropserve deploy --target {aws.target.name}`.",
        )
    stack = aws.cloudformation.describe_stacks(StackName=aws.stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def read_parameters(aws: Aws) -> dict[str, str]:
    """The values that the stack is deployed with; empty when there is no such stack."""
    stack = _find_stack(aws)
    parameters = stack.get("Parameters", []) if stack else []
    return {each["ParameterKey"]: each["ParameterValue"] for each in parameters}


def deploy_stack(  # noqa: PLR0913 - the last three by name
    aws: Aws,
    template_url: str,
    parameters: dict[str, str],
    *,
    take_up_existing: bool = False,
    accept: Accept | None = None,
    say: Callable[[str], None],
) -> bool:
    """Create or update the stack by a change set and wait; False when there was nothing to change.

    `take_up_existing`: a new stack takes up what an earlier one retained, by its name. `accept` is asked
    before anything changes. Raises NothingChangedError where it says no, and CliError, which lists the
    resources that failed.
    """
    status = wait_until_at_rest(aws, say)
    if status in _LEFT_BY_A_FAILURE:
        say(f"A deployment failed ({status}); removing what is left of it")
        delete_stack(aws, say=say)
        status = None
    is_new = status in {None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
    change_set = f"deploy-{datetime.now(UTC):%Y%m%d%H%M%S%f}"
    events = _NewEvents(aws, aws.stack)
    answer = aws.cloudformation.create_change_set(
        StackName=aws.stack,
        ChangeSetName=change_set,
        ChangeSetType="CREATE" if is_new else "UPDATE",
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        ImportExistingResources=is_new and take_up_existing,
        # The validation before a deployment refuses every bucket name that is in use, a taken-up one too.
        DisableValidation=is_new and take_up_existing,
    )
    if not _change_set_is_ready(aws, answer["Id"]):
        return False
    if accept and not accept(_read_changes(aws, answer["Id"]), is_new):
        aws.cloudformation.delete_change_set(ChangeSetName=answer["Id"])
        if is_new:
            # A stack that has nothing but a change set.
            delete_stack(aws, say=say)
        raise NothingChangedError
    aws.cloudformation.execute_change_set(ChangeSetName=answer["Id"])
    final = _wait(aws, answer["StackId"], events, say=say)
    if final not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise CliError(
            f"The stack {aws.stack} could not be deployed ({final}):",
            "Correct the first resource of the list and deploy again; what stood before is unchanged.",
            events.failures(),
        )
    return True


def read_template_of(aws: Aws) -> dict[str, Any] | None:
    """The template that the stack was deployed with, before its transform; None without a stack."""
    if find_status(aws) in {None, "REVIEW_IN_PROGRESS"}:
        return None
    body: Any = aws.cloudformation.get_template(StackName=aws.stack, TemplateStage="Original")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def _read_changes(aws: Aws, change_set_id: str) -> list[Mapping[str, Any]]:
    """With the values of properties before and after, where CloudFormation knows them."""
    changes: list[Mapping[str, Any]] = []
    page: dict[str, str] = {}
    while True:
        answer = aws.cloudformation.describe_change_set(
            ChangeSetName=change_set_id, IncludePropertyValues=True, **page
        )
        changes += answer.get("Changes", [])
        if "NextToken" not in answer:
            return changes
        page = {"NextToken": answer["NextToken"]}


def wait_until_at_rest(aws: Aws, say: Callable[[str], None]) -> str | None:
    """The stack's status, once nobody else works on it."""
    status = find_status(aws)
    while status and status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        say(f"Waiting for the stack {aws.stack}: {status}")
        time.sleep(pause_s(aws))
        status = find_status(aws)
    return status


def pause_s(aws: Aws) -> float:
    """Between two looks at what takes its time."""
    return 0.3 if aws.is_local else 3


def delete_stack(aws: Aws, *, say: Callable[[str], None]) -> None:
    """Delete the stack and wait. Raises CliError, which lists the resources that could not be deleted."""
    stack_id = aws.cloudformation.describe_stacks(StackName=aws.stack)["Stacks"][0]["StackId"]
    events = _NewEvents(aws, stack_id)
    aws.cloudformation.delete_stack(StackName=aws.stack)
    final = _wait(aws, stack_id, events, say=say)
    if final != "DELETE_COMPLETE":
        raise CliError(
            f"The stack {aws.stack} could not be deleted ({final}):",
            "Remove what is named above, then run `dropserve destroy` again.",
            events.failures(),
        )


def _change_set_is_ready(aws: Aws, change_set_id: str) -> bool:
    """False when it holds no changes. Raises CliError when it is refused."""
    try:
        aws.cloudformation.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change_set_id, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
        )
    except WaiterError as error:
        answer = aws.cloudformation.describe_change_set(ChangeSetName=change_set_id)
        reason = answer.get("StatusReason", str(error))
        aws.cloudformation.delete_change_set(ChangeSetName=change_set_id)
        if any(text in reason for text in _NO_CHANGES):
            return False
        raise CliError(
            f"The template was refused: {reason}", "Correct deploy_scripts/template.yaml."
        ) from error
    return True


def _wait(aws: Aws, stack_id: str, events: _NewEvents, *, say: Callable[[str], None]) -> str:
    """Follow the stack's events until it rests; its last status. The id names a deleted stack as well."""
    done = 0
    while True:
        status = aws.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
        fresh = events.read()
        finished = [each for each in fresh if not each.get("ResourceStatus", "").endswith("_IN_PROGRESS")]
        if finished:
            done += len(finished)
            last = finished[-1]
            say(f"Stack: {done} steps done, {last.get('LogicalResourceId')} {last.get('ResourceStatus')}")
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(pause_s(aws))


class _NewEvents:
    """The stack's events since this object was made."""

    def __init__(self, aws: Aws, stack: str) -> None:
        self._aws = aws
        self._stack = stack
        self._events: list[StackEventTypeDef] = []
        self._known: set[str] = set()
        if find_status(aws) is not None:
            self._known = {event["EventId"] for event in self._read_all()}

    def read(self) -> list[StackEventTypeDef]:
        """Those not read before, oldest first."""
        fresh = [event for event in self._read_all() if event["EventId"] not in self._known]
        self._known.update(event["EventId"] for event in fresh)
        self._events += fresh
        return fresh

    def failures(self) -> list[str]:
        """What failed by itself, oldest first; what was cancelled because of it is left out."""
        return [
            f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): "
            f"{event.get('ResourceStatusReason', 'no reason given')}"
            for event in self._events
            if event.get("ResourceStatus", "").endswith("_FAILED")
            and "cancelled" not in event.get("ResourceStatusReason", "").lower()
        ]

    def _read_all(self) -> list[StackEventTypeDef]:
        pages = self._aws.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=self._stack
        )
        newest_first = [event for page in pages for event in page["StackEvents"]]
        return newest_first[::-1]
