"""Rollback: a run that was live before goes live again, with the model that it trained then.

It is an execution of this state machine, which goes the way of a release from its endpoint on.
"""

from contracts.bucket import ACCEPTANCE, PLAN, RUNS
from contracts.workflow import WERE_LIVE
from state_machines.common.deploy_lock import acquire_deploy_lock
from state_machines.common.live_pointer import read_pointer
from state_machines.common.outcome import Finish, outcome
from state_machines.language.flow import Stage, in_order
from state_machines.language.sdk import Choice, Task, jsonata
from state_machines.language.tasks import call

# What a run of the ledger is that has been live.
_WAS_LIVE = f"$target.status in {list(WERE_LIVE)} and $target.model_data_uri != ''"


def rollback(finish: Finish) -> Stage:
    """The verdict, plan and model of the run `$released_run_id`, with the deploy lock held."""
    known = Choice("Rollback possible?")
    already = outcome("rejected", "'run ' & $released_run_id & ' is live already'")
    known.when("$previous.run_id = $released_run_id", finish.release_lock, already)
    never = outcome(
        "rejected",
        "'run ' & $released_run_id & ' was never live, or before models were recorded: dropserve releases'",
    )
    known.when(f"$not({_WAS_LIVE})", finish.release_lock, never)
    target = _read_target(finish)
    live = read_pointer("Read release to roll back", then=target, on_error=finish.failed)
    return in_order(
        acquire_deploy_lock(finish, " to roll back", brings_drop=False),
        Stage(live, (target.next,)),
        known,
        _find_model(finish),
        _read_plan(finish),
    )


def _read_target(finish: Finish) -> Task:
    """What the ledger knows of the run to go back to; what is not there is empty."""

    def attribute(name: str, kind: str = "S") -> str:
        found = f"$states.result.Item.{name}.{kind}"
        return f"$exists({found}) ? {found} : ''"

    return call(
        "Read run to roll back to",
        "dynamodb:getItem",
        {
            "TableName": "${LedgerTable}",
            "Key": {"run_id": {"S": jsonata("$released_run_id")}},
            "ConsistentRead": True,
        },
        assign={
            "target": {
                "status": jsonata(attribute("status")),
                "accuracy": jsonata(attribute("accuracy", "N")),
                "model_data_uri": jsonata(attribute("model_data_uri")),
            }
        },
        on_error=finish.failed,
    )


def _find_model(finish: Finish) -> Stage:
    """A model that is gone is said before anything is made. HeadObject would say 403."""
    key = "$substringAfter($target.model_data_uri, $run.bucket & '/')"
    listed = "$states.result.Contents[0].Key"
    find = call(
        "Find model to roll back to",
        "aws-sdk:s3:listObjectsV2",
        {"Bucket": jsonata("$run.bucket"), "Prefix": jsonata(key), "MaxKeys": 1},
        assign={"model_found": jsonata(f"$exists({listed}) and {listed} = {key}")},
        on_error=finish.failed,
    )
    found = Choice("Model to roll back to found?")
    reason = "'the model of run ' & $released_run_id & ' is gone from ' & $target.model_data_uri"
    found.when("$model_found = false", finish.release_lock, outcome("rejected", reason))
    return in_order(find, found)


def _read_plan(finish: Finish) -> Task:
    """The endpoint is made as it was then: of the same image and type."""
    folder = f"'{RUNS}' & $released_run_id & '/'"
    reason = "'rolled back from run ' & $previous.run_id & ' to run ' & $released_run_id"
    return call(
        "Read plan to roll back to",
        "aws-sdk:s3:getObject",
        {"Bucket": jsonata("$run.bucket"), "Key": jsonata(f"{folder} & '{PLAN}'")},
        assign={
            "plan": jsonata("$parse($states.result.Body)"),
            "model_data_uri": jsonata("$target.model_data_uri"),
            "verdict": {
                "accuracy": jsonata("$number($target.accuracy)"),
                "acceptance_uri": jsonata(f"'s3://' & $run.bucket & '/' & {folder} & '{ACCEPTANCE}'"),
                "reason": jsonata(reason),
            },
        },
        on_error=finish.failed,
    )
