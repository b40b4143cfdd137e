"""A run whose drop is no longer the newest gives way: a newer version, or a new run, trains on what is there.

The bucket keeps versions, and knows which one is current: no clock is needed, and no other run.
"""

from typing import Any

from contracts.workflow import DROP_FIELDS
from state_machines.common.outcome import Finish, outcome
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, State, jsonata
from state_machines.language.tasks import call, invoke_function

# How a run that another run has started is known: it starts no further one.
_RERUN = "-rerun"
# What an input says of a drop: a run that takes it up keeps its place in the order of drops.
_DROP = tuple(name for name in DROP_FIELDS if name != "idempotency_token")


def check_current_version(finish: Finish, when: str = "") -> Stage:
    """End as `superseded` when the current version of the drop's key is another one.

    `when` tells the states of the two checks apart. A run started by hand trains on the version that it
    names. A key that was deleted since has no newer drop.
    """
    # A bucket without versions answers without VersionId.
    version = "($exists($states.result.VersionId) ? $states.result.VersionId : '')"
    read = call(
        f"Read current version{when}",
        "aws-sdk:s3:headObject",
        {"Bucket": jsonata("$run.bucket"), "Key": jsonata("$run.key")},
        assign={"current_version_id": jsonata(version)},
        on_error=None,
    )
    newer = Choice(f"Newer version{when}?")
    newer.when(
        "$current_version_id != '' and $current_version_id != $run.version_id",
        finish.release_lock,
        outcome(
            "superseded",
            "$run.key & ' was dropped again since: the newer version has a run of its own'",
        ),
    )
    check = in_order(best_effort(read, {"current_version_id": ""}), newer)
    versioned = Choice(f"Versioned drop{when}?")
    versioned.when("$run.source = 'drop' and $run.version_id != ''", check.start)
    return Stage(versioned, (versioned.next, *check.exits))


def recheck_folder(finish: Finish, then: State, when: str = "") -> Stage:
    """A folder that is no longer what was inspected ends as `superseded`: a new run takes it up, once.

    `when` tells the states of the two checks apart; `then` is what a superseded run goes on with. A run that
    was itself started so tells a person the command instead.
    """
    left = outcome("superseded", "$recheck.reason & ': ' & $recheck.advice")
    recheck = invoke_function(
        f"Recheck folder{when}",
        "${InspectDatasetFunction}",
        {"run": jsonata("$run"), "inspected": jsonata("$inspection")},
        assign={"recheck": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    changed = Choice(f"Folder changed{when}?")
    changed.when(
        "$recheck.changed = true and $exists($input.run.idempotency_token) and "
        f"$contains($input.run.idempotency_token, /{_RERUN}$/)",
        then,
        left,
    )
    start = _start_new_run(when, then, left)
    changed.when("$recheck.changed = true", start)
    folder = Choice(f"Folder drop{when}?")
    folder.when("$inspection.format = 'folder'", recheck)
    recheck.next(changed)
    return Stage(folder, (folder.next, changed.next))


def _start_new_run(when: str, then: State, left: dict[str, Any]) -> State:
    """A run of the same drop and overrides."""
    drop = ", ".join(f"'{name}': $run.{name}" for name in _DROP)
    token = f"$run.id & '{_RERUN}'"
    start = call(
        f"Start new run{when}",
        "aws-sdk:sfn:startExecution",
        {
            "StateMachineArn": jsonata("$states.context.StateMachine.Id"),
            "Name": jsonata(token),
            "Input": jsonata(
                f"$string($merge([$input.overrides, {{{drop}, 'idempotency_token': {token}}}]))"
            ),
        },
        assign=outcome("superseded", "$recheck.reason & ': a new run of it has begun'"),
        on_error=then,
        error_assign=left,
    )
    start.next(then)
    return start
