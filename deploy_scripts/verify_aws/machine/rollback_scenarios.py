"""How releases that are watched go, and rollbacks, and how each has to end."""

import json
from dataclasses import replace
from typing import Any

from contracts.workflow import Status
from deploy_scripts.verify_aws.machine.answers import (
    DEAD,
    DROP,
    ENDED_EXECUTION,
    FORMER,
    PREVIOUS,
    VERDICT,
    ledger_item,
    lock,
    payload,
    pointer,
    release_of,
)
from deploy_scripts.verify_aws.machine.refusal import Refusal
from deploy_scripts.verify_aws.machine.scenario import ROLLBACK_FAILED, Scenario, ended, left_to_clean_up

RUN_ID = "9" * 32
_ROLLBACK = {"action": "rollback", "to": RUN_ID}
# There is a release before: a candidate is a canary first, and watched afterwards.
_REPLACING: dict[str, Any] = {
    "Read_live_release": pointer(PREVIOUS),
    "Judge_model": payload({**VERDICT, "judged_against": PREVIOUS["run_id"]}),
}
_WRONG = Refusal("AcceptanceError", '{"errorMessage": "only 3 of 10", "errorType": "AcceptanceError"}')
_ALARM = {
    "MetricAlarms": [
        {"AlarmName": "dropserve-live-failures", "StateUpdatedTimestamp": "2999-01-01T00:00:00.000Z"}
    ]
}
_OLD_ALARM = {
    "MetricAlarms": [
        {"AlarmName": "dropserve-live-failures", "StateUpdatedTimestamp": "2001-01-01T00:00:00.000Z"}
    ]
}
_ASKED = {"Item": {"rollback_requested_at": {"S": "2026-01-01T00:00:00Z"}}}


def watches_and_rollbacks() -> list[Scenario]:
    """Every story of a watch or a rollback."""
    return [*_watches(), *_rollbacks(), *_clean_ups()]


def _watches() -> list[Scenario]:
    stories: list[tuple[str, Status, str, dict[str, Any]]] = [
        ("a release that does well", "live", "Watched release?", {}),
        ("an alarm of the release before", "live", "Watched release?", {"Read_release_alarms": _OLD_ALARM}),
    ]
    for which in ("canary", "release"):
        stories += [
            (f"an alarm of a {which}", "rolled_back", "Roll back", {f"Read_{which}_alarms": _ALARM}),
            (f"wrong answers of a {which}", "rolled_back", "Roll back", {f"Test_{which}": _WRONG}),
            (
                f"a {which} that a person takes back",
                "rolled_back",
                "Drain rolled back endpoint",
                {f"Read_{which}_rollback_request": _ASKED},
            ),
        ]
    stories += [
        (
            "a canary that does not begin",
            "failed",
            "Roll back",
            {"Start_canary": Refusal("Ssm.SsmException")},
        ),
    ]
    unconfirmed = {**_REPLACING, "Roll_back": Refusal("Ssm.SsmException")}
    to_take_back = {
        "a canary that may have begun": {**unconfirmed, "Start_canary": Refusal("Ssm.SsmException")},
        "a release that cannot be taken back": {**unconfirmed, "Test_release": _WRONG},
    }
    return [
        *(
            ended(name, ending, passes, **{**_REPLACING, **changes})
            for name, ending, passes, changes in stories
        ),
        *(
            replace(left_to_clean_up(name, "Release to take back", **changes), error=ROLLBACK_FAILED)
            for name, changes in to_take_back.items()
        ),
    ]


def _rollbacks() -> list[Scenario]:
    held = {"Read_deploy_lock_to_roll_back": lock(DEAD)}
    stories: list[tuple[str, Status, str, dict[str, Any]]] = [
        ("a rollback", "restored", "Record restored release", _REPLACING),
        ("a rollback beside an execution that died", "restored", "Read lock holder to roll back", held),
        (
            "a rollback beside a run that deploys on",
            "failed",
            "Wait for deploy lock to roll back",
            {**held, "Read_lock_holder_to_roll_back": {"Status": "RUNNING"}},
        ),
        (
            "a rollback to what nobody knows",
            "rejected",
            "Rollback possible?",
            {"Read_run_to_roll_back_to": {}},
        ),
        (
            "a rollback to what is live",
            "rejected",
            "Rollback possible?",
            {"Read_release_to_roll_back": pointer({**PREVIOUS, "run_id": RUN_ID})},
        ),
        (
            "a rollback to a model that is gone",
            "rejected",
            "Model to roll back to found?",
            {"Find_model_to_roll_back_to": {}},
        ),
        (
            "a rollback of a paused deployment",
            "restored",
            "Create endpoint",
            {"Read_release_to_roll_back": pointer({**PREVIOUS, "paused_at": "2026-01-01T00:00:00Z"})},
        ),
        (
            "a rollback to an endpoint that answers otherwise",
            "failed",
            "Delete candidate model",
            {**_REPLACING, "Accept_model": _WRONG, "Read_run_to_roll_back_to": FORMER},
        ),
    ]
    return [ended(name, ending, passes, _ROLLBACK, **changes) for name, ending, passes, changes in stories]


def _clean_ups() -> list[Scenario]:
    """Executions that an event of a stopped rollback starts."""
    event = {**ENDED_EXECUTION, "detail": {**ENDED_EXECUTION["detail"], "input": json.dumps(_ROLLBACK)}}
    unfinished = {"Read_run_to_clean_up": ledger_item("running", DEAD)}
    candidate = release_of("", "", ENDED_EXECUTION["detail"]["name"])
    switched = pointer({**PREVIOUS, "release": candidate, "run_id": RUN_ID, "previous": PREVIOUS})
    stories: list[tuple[str, Status, str, dict[str, Any]]] = [
        ("a rollback that was stopped", "failed", "Delete candidate model", unfinished),
        (
            "a rollback that was stopped after the switch",
            "restored",
            "Record restored release",
            {**unfinished, "Read_live_pointer": switched},
        ),
    ]
    return [
        replace(each, error=None)
        for each in (
            *(ended(name, ending, passes, event, **changes) for name, ending, passes, changes in stories),
            *_take_back(),
        )
    ]


def _take_back() -> list[Scenario]:
    """Of a release that its own execution could not take back."""
    event = {**ENDED_EXECUTION, "detail": {**ENDED_EXECUTION["detail"], "error": ROLLBACK_FAILED}}
    candidate = release_of(DROP["key"], DROP["version_id"], DROP["idempotency_token"])
    switched = {
        "Read_run_to_clean_up": ledger_item("running", DEAD),
        "Read_live_pointer": pointer({**PREVIOUS, "release": candidate, "previous": PREVIOUS}),
    }
    refused = {**switched, "Roll_back": Refusal("Ssm.SsmException")}
    return [
        ended("a release that is still to be taken back", "failed", "Roll back", event, **switched),
        ended("a release that nobody can take back", "failed", "Read rollback failure", event, **refused),
    ]
