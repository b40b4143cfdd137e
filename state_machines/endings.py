"""Every way that a run ends, and the one path that cleans up.

An ending sets `$.outcome` (status, reason, release), takes down what does not serve, gives the lock back,
and tells the ledger and the topic. From the first clean-up step on, each step leads to the next one, whatever
happens.
"""

from typing import Any, Literal

from contracts.workflow import NOBODY, RUN_TAG, Status
from state_machines.states_language import Chain, Choice, ChoiceRule, Fail, Pass, Succeed
from state_machines.take_down import take_down
from state_machines.tasks import (
    DEPLOY_LOCK,
    RUN_ATTRIBUTES,
    THIS_RUN,
    call,
    invoke_function,
    update_item,
)

# The path of the status that a verdict gives.
_VerdictStatus = Literal["$.verdict.answer.status"]


class Endings:
    """The states that the acts end in; made first, since a state is linked to those after it."""

    def __init__(self) -> None:
        self.record = _record_and_notify()
        self.give_lock_back = _give_lock_back(self.record)
        self.clean_up = _take_candidate_down(_end_instances(self.give_lock_back))
        self.note_failure = _outcome("Note failure", "failed", "$.error.answer.reason", self.clean_up)
        self.failed = _read_failure("failure", self.note_failure, self.clean_up)
        self.blocked = _outcome("Block release", "blocked", "$.audit.answer.reason", self.clean_up)
        leave_both = _outcome("Leave both endpoints", "failed", "$.error.answer.reason", self.give_lock_back)
        self.unclear = _read_failure("unclear failure", leave_both, self.give_lock_back)
        self.superseded = _outcome(
            "Give way",
            "superseded",
            "States.Format('a newer drop than {} is live already', $.run.key)",
            self.give_lock_back,
        )
        self.overwritten = _outcome(
            "Give way to newer version",
            "superseded",
            "States.Format('{} was dropped again since: the newer version has a run of its own', $.run.key)",
            self.give_lock_back,
        )
        self.live = _outcome(
            "Declare live",
            "live",
            "States.Format('{}; {}', $.verdict.answer.reason, $.acceptance.answer.summary)",
            self.give_lock_back,
            release="$.release.name",
        )
        self.not_promoted = _outcome(
            "Keep champion", "$.verdict.answer.status", "$.verdict.answer.reason", self.give_lock_back
        )
        self.unread = _outcome("Note failure to read input", "failed", "$.input.reason", self.record)
        self.duplicate = _end_as_duplicate()

    def reject(self, name: str, reason: str) -> Pass:
        """An ending `rejected`, with the reason at the path `reason`."""
        return _outcome(name, "rejected", reason, self.record)

    def give_way(self, name: str, reason: str, then: Any = None) -> Pass:
        """An ending `superseded`; `reason` is a text, or the path or intrinsic that gives it.

        `then`: what is to be cleaned up first; nothing when left out.
        """
        return _outcome(name, "superseded", reason, then or self.record)


def note_error(name: str, error: str, cause: str, endings: Endings) -> Pass:
    """A fault that no API reported: it becomes the run's error and fails the run."""
    state = Pass(name, parameters={"Error": error, "Cause.$": cause}, result_path="$.error")
    state.next(endings.failed)
    return state


def read_failure(name: str, then: Any, *, on_error: Any) -> Any:
    """Have a function read `$.error`, which its answer replaces: a Cause may be JSON, cut JSON, or missing.

    A Cause of 32,768 characters is the largest thing that the state holds, so it must not stay.
    """
    task = invoke_function(
        name,
        "${ReadFailureFunction}",
        {"error.$": "$.error"},
        into="$.error",
        on_error=on_error,
        error_into=None,
    )
    task.next(then)
    return task


def _read_failure(what: str, then: Any, otherwise: Any) -> Any:
    """Say in a sentence why the run failed; where even that fails, name the error."""
    unread = _outcome(
        f"Note unread {what}",
        "failed",
        "States.Format('{}: the history of the execution tells more', $.error.Error)",
        otherwise,
    )
    return read_failure(f"Read {what}", then, on_error=unread)


def _take_candidate_down(then: Any) -> Choice:
    """Take down what this run has begun to create; before that there is nothing to look for."""
    begun = Choice("Was a release begun?")
    begun.add_choice(ChoiceRule.IsPresent("$.start", True), take_down("candidate", "$.release.name", then))
    begun.default_choice(then)
    return begun


def _outcome(
    name: str, status: Status | _VerdictStatus, reason: str, then: Any, *, release: str = ""
) -> Pass:
    """The state that sets `$.outcome`; each value is a text, or the path or intrinsic that gives it."""
    given = {"status": status, "reason": reason, "release": release}
    parameters = {
        f"{field}.$" if value.startswith(("$", "States.")) else field: value for field, value in given.items()
    }
    state = Pass(name, parameters=parameters, result_path="$.outcome")
    state.next(then)
    return state


def _end_as_duplicate() -> Chain:
    """The second announcement of a drop gets an item of its own, named after its execution."""
    record = call(
        "Record duplicate",
        "dynamodb:putItem",
        {
            "TableName": "${LedgerTable}",
            "Item": {
                "run_id": {"S.$": "$$.Execution.Name"},
                "duplicate_of": THIS_RUN,
                **RUN_ATTRIBUTES,
                "ended_at": {"S.$": "$$.State.EnteredTime"},
                "status": {"S": "duplicate"},
                "reason": {"S.$": "States.Format('already handled by run {}', $.run.id)"},
            },
        },
        on_error=Fail("Duplicate not recorded", error="LedgerFailed", cause="The ledger refused the item."),
    )
    return Chain([record, Succeed("Already handled")])


def _record_and_notify() -> Chain:
    """Ledger, then topic, then Succeed, or Fail where a person has to look."""
    end = Choice("How did it end?")
    for status in ("failed", "blocked"):
        end.add_choice(
            ChoiceRule.StringEquals("$.outcome.status", status),
            Fail(
                f"Run {status}",
                error=f"Run{status.capitalize()}",
                cause="The run ledger and the notification hold the reason.",
            ),
        )
    end.default_choice(Succeed("Run ended"))
    notify = call(
        "Notify",
        "sns:publish",
        {
            "TopicArn": "${NotificationTopicArn}",
            "Subject.$": "States.Format('dropserve: {}', $.outcome.status)",
            "Message.$": "$.message.text",
        },
        on_error=end,
        error_into=None,
    )
    message = _write_message(notify)
    record = update_item(
        "Record outcome",
        THIS_RUN,
        {
            "status": {"S.$": "$.outcome.status"},
            "reason": {"S.$": "$.outcome.reason"},
            "release": {"S.$": "$.outcome.release"},
            "ended_at": {"S.$": "$$.State.EnteredTime"},
        },
        on_error=message,
        error_into=None,
    )
    notify.next(end)
    record.next(message)
    return record


def _write_message(then: Any) -> Choice:
    """The notification's text at `$.message.text`, with what the inspection found, if anything."""
    outcome = "Run {} of s3://{}/{} ended as {}: {}"
    values = "$.run.id, $.run.bucket, $.run.key, $.outcome.status, $.outcome.reason"
    findings = "$.inspection.answer.findings"
    short = Pass(
        "Write message",
        parameters={"text.$": f"States.Format('{outcome}', {values})"},
        result_path="$.message",
    )
    long = Pass(
        "Write message with findings",
        parameters={"text.$": f"States.Format('{outcome} - Found in the drop: {{}}', {values}, {findings})"},
        result_path="$.message",
    )
    short.next(then)
    long.next(then)
    found = Choice("Has the drop findings?")
    found.add_choice(
        ChoiceRule.And(
            [ChoiceRule.IsPresent(findings, True), ChoiceRule.Not(ChoiceRule.StringEquals(findings, ""))]
        ),
        long,
    )
    found.default_choice(short)
    return found


def _give_lock_back(then: Any) -> Any:
    """A run that holds the deploy lock gives it back."""
    state = update_item(
        "Give lock back",
        DEPLOY_LOCK,
        {"holder": {"S": NOBODY}},
        condition="#holder = :me",
        condition_values={":me": {"S.$": "$.run.execution_arn"}},
        on_error=then,
        error_into=None,
    )
    state.next(then)
    holds_it = Choice("Does it hold the lock?")
    holds_it.add_choice(ChoiceRule.IsPresent("$.lock_taken", True), state)
    holds_it.default_choice(then)
    return holds_it


def _end_instances(then: Any) -> Any:
    """End the instances of this run that still train, found by their tag."""
    terminate = call(
        "End training instances",
        "aws-sdk:ec2:terminateInstances",
        {"InstanceIds.$": "$.leftover.instance_ids"},
        on_error=then,
        error_into=None,
    )
    terminate.next(then)
    found = Choice("Does one still train?")
    found.add_choice(ChoiceRule.IsPresent("$.leftover.instance_ids[0]", True), terminate)
    found.default_choice(then)
    find = call(
        "Find training instances",
        "aws-sdk:ec2:describeInstances",
        {
            "Filters": [
                {"Name": f"tag:{RUN_TAG}", "Values.$": "States.Array($.run.id)"},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ]
        },
        select={"instance_ids.$": "$.Reservations[*].Instances[*].InstanceId"},
        into="$.leftover",
        on_error=then,
        error_into=None,
    )
    find.next(found)
    return find
