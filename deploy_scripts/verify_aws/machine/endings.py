"""Whether a run ended as it has to: what it says, and what it leaves behind."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from contracts.workflow import DEPLOY_LOCK_ID, NOBODY
from deploy_scripts.verify_aws.machine.run import Run
from deploy_scripts.verify_aws.machine.scenario import LEFT_TO_CLEAN_UP, Scenario

# What is created, by which call it is removed again, and the argument that names both.
_CREATED = (
    ("sagemaker:createModel", "sagemaker:deleteModel", "ModelName"),
    ("sagemaker:createEndpointConfig", "sagemaker:deleteEndpointConfig", "EndpointConfigName"),
    ("sagemaker:createEndpoint", "sagemaker:deleteEndpoint", "EndpointName"),
    (
        "applicationautoscaling:registerScalableTarget",
        "applicationautoscaling:deregisterScalableTarget",
        "ResourceId",
    ),
)


def ending_problems(scenario: Scenario, run: Run) -> list[str]:
    """One sentence for each thing that is not as designed."""
    return [
        f"{scenario.name}: {problem}"
        for problem in (*_ending(scenario, run), *_left_behind(scenario, run), *_lock_kept(run))
    ]


def _ending(scenario: Scenario, run: Run) -> Iterator[str]:
    for state in scenario.passes:
        if state not in run.states:
            yield f"{state} was not passed"
    if run.error != scenario.error:
        yield f"the execution ended in {run.error} ({run.cause}), not in {scenario.error}"
    said = [status for status in map(_recorded_status, run.calls_of("dynamodb:updateItem")) if status]
    said += [each["Item"]["status"]["S"] for each in run.calls_of("dynamodb:putItem")]
    if scenario.ending is None:
        if said or run.calls_of("sns:publish"):
            yield f"the ledger was told {', '.join(said)}, or the topic something"
        return
    if scenario.ending not in said:
        yield f"the ledger was told {', '.join(said)}, not {scenario.ending}"
    if (
        scenario.ending not in ("duplicate", "running")
        and len(set(map(str, run.calls_of("sns:publish")))) != 1
    ):
        yield "nobody was told, or not once"


def _recorded_status(arguments: Mapping[str, Any]) -> str | None:
    values = arguments.get("ExpressionAttributeValues", {})
    return values[":status"]["S"] if ":ended_at" in values else None


def _left_behind(scenario: Scenario, run: Run) -> Iterator[str]:
    """A run that is not live leaves nothing, unless it cannot know which endpoint is live."""
    if scenario.ending in ("live", "resumed", "restored"):
        # A release that is completed was switched by the execution before.
        switches = {"Switch live endpoint", "Mark as resumed"} & set(run.states)
        if switches and not run.calls_of("ssm:putParameter"):
            yield "the live pointer was not written"
        return
    if run.error in LEFT_TO_CLEAN_UP or "Read rollback failure" in run.states:
        return
    # Where none was created, it was the live endpoint that was scaled.
    scaled = _CREATED if run.calls_of("sagemaker:createEndpoint") else _CREATED[:-1]
    for create, delete, name in scaled:
        removed = {call[name] for call in run.calls_of(delete)}
        for made in {call[name] for call in run.calls_of(create)} - removed:
            yield f"{made} of {create} is left behind"
    started = run.calls_of("ec2:runInstances")
    if scenario.ending == "failed" and started and not run.calls_of("ec2:describeInstances"):
        yield "nobody looked for the instance of EC2"
    pointers = run.calls_of("ssm:putParameter")
    written = json.loads(pointers[-1]["Value"]) if pointers else {}
    deleted = {call["EndpointName"] for call in run.calls_of("sagemaker:deleteEndpoint")}
    if written.get("endpoint_name") in deleted and "paused_at" not in written:
        yield "the live pointer names an endpoint that is gone"


def _lock_kept(run: Run) -> Iterator[str]:
    """Who was refused the lock, or was not told that it has it, is seen for what it is by the next run.

    So is an execution that leaves all to the clean-up.
    """
    if run.error in LEFT_TO_CLEAN_UP:
        return
    acquired = set(_holders(run, answered=True)) - {NOBODY}
    if acquired and NOBODY not in _holders(run):
        yield "the deploy lock was not released"


def _holders(run: Run, *, answered: bool = False) -> list[str]:
    """Who was to hold the lock, call by call."""
    return [
        call["ExpressionAttributeValues"][":holder"]["S"]
        for call in run.calls_of("dynamodb:updateItem", answered=answered)
        if call["Key"]["run_id"]["S"] == DEPLOY_LOCK_ID and call.get("ConditionExpression")
    ]
