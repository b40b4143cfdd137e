"""Every way that a run ends, and the one path that cleans up.

An ending sets `$.outcome` (status, reason, release), takes down what does not serve, gives the lock back,
and tells the ledger and the topic. From the first clean-up step on, each step leads to the next one, whatever
happens.
"""

from typing import Any

from state_machines.states_language import Chain, Choice, ChoiceRule, Fail, Pass, Succeed
from state_machines.take_down import take_down
from state_machines.tasks import DEPLOY_LOCK, NOBODY, RUN_ATTRIBUTES, THIS_RUN, call, update_item


class Endings:
    """The states that the acts end in; made first, since a state is linked to those after it."""

    def __init__(self) -> None:
        self.record = _record_and_notify()
        self.give_lock_back = _give_lock_back(self.record)
        self.clean_up = take_down("candidate", "$.release.name", _end_instances(self.give_lock_back))
        self.failed = _outcome("Note failure", "failed", "States.JsonToString($.error)", self.clean_up)
        self.blocked = _outcome("Block release", "blocked", "$.audit.answer.reason", self.clean_up)
        self.unclear = _outcome(
            "Leave both endpoints", "failed", "States.JsonToString($.error)", self.give_lock_back
        )
        self.superseded = _outcome(
            "Give way",
            "superseded",
            "States.Format('a newer drop than {} is live already', $.run.key)",
            self.record,
        )
        self.live = _outcome(
            "Declare live",
            "live",
            "$.verdict.answer.reason",
            self.give_lock_back,
            release="$.release.name",
        )
        self.not_promoted = _outcome(
            "Keep champion", "$.verdict.answer.status", "$.verdict.answer.reason", self.give_lock_back
        )
        self.duplicate = _end_as_duplicate()

    def reject(self, name: str, path: str) -> Pass:
        """An ending `rejected`, with the reason that the function whose answer is at `path` gave."""
        return _outcome(name, "rejected", f"{path}.answer.reason", self.record)

    def give_way(self, name: str, reason: str) -> Pass:
        """An ending `superseded`; `reason` is a text, or the path or intrinsic that gives it."""
        return _outcome(name, "superseded", reason, self.record)


def note_error(name: str, error: str, cause: str, endings: Endings) -> Pass:
    """A fault that no API reported: it becomes the run's error and fails the run."""
    state = Pass(name, parameters={"Error": error, "Cause.$": cause}, result_path="$.error")
    state.next(endings.failed)
    return state


def _outcome(name: str, status: str, reason: str, then: Any, *, release: str = "") -> Pass:
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
            "Message.$": (
                "States.Format('Run {} of s3://{}/{} ended as {}: {}', "
                "$.run.id, $.run.bucket, $.run.key, $.outcome.status, $.outcome.reason)"
            ),
        },
        on_error=end,
    )
    record = update_item(
        "Record outcome",
        THIS_RUN,
        {
            "status": {"S.$": "$.outcome.status"},
            "reason": {"S.$": "$.outcome.reason"},
            "release": {"S.$": "$.outcome.release"},
            "ended_at": {"S.$": "$$.State.EnteredTime"},
        },
        on_error=notify,
    )
    notify.next(end)
    record.next(notify)
    return record


def _give_lock_back(then: Any) -> Any:
    """A run that holds the deploy lock gives it back."""
    state = update_item(
        "Give lock back",
        DEPLOY_LOCK,
        {"holder": {"S": NOBODY}},
        condition="#holder = :me",
        condition_values={":me": {"S.$": "$.run.execution_arn"}},
        on_error=then,
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
                {"Name": "tag:dropserve:run", "Values.$": "States.Array($.run.id)"},
                {"Name": "instance-state-name", "Values": ["pending", "running"]},
            ]
        },
        select={"instance_ids.$": "$.Reservations[*].Instances[*].InstanceId"},
        into="$.leftover",
        on_error=then,
    )
    find.next(found)
    return find
