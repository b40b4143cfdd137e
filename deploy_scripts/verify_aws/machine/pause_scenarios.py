"""How pauses and resumes go, and how each has to end."""

import json
from dataclasses import replace
from typing import Any

from contracts.workflow import Status
from deploy_scripts.verify_aws.machine.answers import (
    DEAD,
    ENDED_EXECUTION,
    NO_ENDPOINT,
    NO_PARAMETER,
    PREVIOUS,
    SERVERLESS,
    STRAIGHT,
    VERDICT,
    ledger_item,
    lock,
    payload,
    pointer,
)
from deploy_scripts.verify_aws.machine.refusal import InTurn, Refusal
from deploy_scripts.verify_aws.machine.scenario import Scenario, ended, left_to_clean_up

_PAUSE, _RESUME = {"action": "pause"}, {"action": "resume"}
_PAUSED = pointer({**PREVIOUS, "paused_at": "2026-01-01T00:00:00Z"})
_STANDING = {"EndpointStatus": "InService"}
_DELETING = {"EndpointStatus": "Deleting"}
_REFUSED = Refusal("SageMaker.AmazonSageMakerException")
_NO_SWITCH = Refusal("Ssm.SsmException")


def pauses() -> list[Scenario]:
    """Every story of a pause or a resume."""
    return [*_pauses(), *_resumes(), *_failed_resumes(), *_clean_ups(), *_releases_after_a_pause()]


def _pauses() -> list[Scenario]:
    held = {"Read_deploy_lock_to_pause": lock(DEAD)}
    failing = {"Mark_as_paused": _NO_SWITCH}
    return [
        _pause("a pause", "paused", "Delete endpoint to pause"),
        ended(
            "a pause for want of requests",
            "paused",
            "Take concurrency away",
            {**_PAUSE, "source": "idle"},
            Describe_endpoint_to_pause=NO_ENDPOINT,
        ),
        _pause("a pause before the first release", "rejected", "Anything live?", **_NOTHING_LIVE),
        _pause("a second pause", "paused", "Mark as paused", Read_release_to_pause=_PAUSED),
        _pause("a pause beside an execution that died", "paused", "Read lock holder to pause", **held),
        _pause(
            "a pause beside a run that deploys on",
            "failed",
            "Wait for deploy lock to pause",
            **held,
            Read_lock_holder_to_pause={"Status": "RUNNING"},
        ),
        _pause(
            "an endpoint that never goes",
            "failed",
            "Wait for endpoint to go",
            Describe_endpoint_to_pause=_DELETING,
        ),
        _pause("a pause that cannot be marked", "failed", "Restore live endpoint before pause", **failing),
        left_to_clean_up(
            "a pause that can neither be marked nor undone",
            "Live release unknown before pause",
            _PAUSE,
            **failing,
            Restore_live_endpoint_before_pause=_NO_SWITCH,
        ),
    ]


def _resumes() -> list[Scenario]:
    creating = {"EndpointStatus": "Creating"}
    broken = {"EndpointStatus": "Failed", "FailureReason": "no capacity"}
    busy = payload({"ready": False, "note": ""})
    return [
        _resume("a resume", "resumed", "Put scaling policy again"),
        _resume(
            "a resume of a serverless endpoint",
            "resumed",
            "Has instances again?",
            Describe_endpoint_again=SERVERLESS,
        ),
        _resume(
            "a resume of what serves", "resumed", "Endpoint standing?", Describe_endpoint_to_resume=_STANDING
        ),
        _resume("a resume before the first release", "rejected", "Anything live?", **_NOTHING_LIVE),
        _resume(
            "a resume while the endpoint goes",
            "resumed",
            "Wait for endpoint to settle",
            Describe_endpoint_to_resume=InTurn((_DELETING, NO_ENDPOINT)),
        ),
        _resume(
            "a resume where an endpoint has failed",
            "resumed",
            "Delete endpoint to resume",
            Describe_endpoint_to_resume=InTurn((broken, NO_ENDPOINT)),
        ),
        _resume(
            "a resume that takes its time",
            "resumed",
            "Wait for endpoint again",
            Describe_endpoint_again=InTurn((creating, _STANDING)),
        ),
        _resume(
            "a resume whose concurrency takes its time",
            "resumed",
            "Wait for provisioned concurrency again",
            Set_concurrency_again=InTurn((busy, STRAIGHT["Set concurrency again"])),
        ),
    ]


def _failed_resumes() -> list[Scenario]:
    failing = {"Mark_as_resumed": _NO_SWITCH}
    return [
        _resume(
            "a resume without capacity",
            "failed",
            "Delete endpoint to pause",
            Describe_endpoint_again={"EndpointStatus": "Failed", "FailureReason": "no capacity"},
        ),
        _resume(
            "a resume that answers otherwise",
            "failed",
            "Deregister scaling to pause",
            Accept_model_again=_REFUSED,
        ),
        _resume(
            "a resume of an endpoint that stays as it is",
            "failed",
            "Wait for endpoint to settle",
            Describe_endpoint_to_resume={"EndpointStatus": "RollingBack"},
        ),
        _resume(
            "a resume that cannot be marked",
            "failed",
            "Restore live endpoint after resume",
            **failing,
        ),
        left_to_clean_up(
            "a resume that can neither be marked nor undone",
            "Live release unknown after resume",
            _RESUME,
            Read_release_to_pause=_PAUSED,
            **failing,
            Restore_live_endpoint_after_resume=_NO_SWITCH,
        ),
        _resume(
            "a resume of a deployment that serves, which answers otherwise",
            "failed",
            "Paused before resume?",
            Read_release_to_pause=pointer(PREVIOUS),
            Describe_endpoint_to_resume=_STANDING,
            Accept_model_again=_REFUSED,
        ),
    ]


def _clean_ups() -> list[Scenario]:
    """Executions that an event of an ended pause or resume starts."""
    unfinished = {"Read_run_to_clean_up": ledger_item("running", DEAD)}
    paused = {**unfinished, "Read_release_to_pause": _PAUSED}
    stories: list[tuple[str, dict[str, str], str, dict[str, Any]]] = [
        ("a pause that was stopped before it paused", _PAUSE, "Anything live?", unfinished),
        ("a pause that was stopped half way", _PAUSE, "Delete endpoint to pause", paused),
        ("a resume that was stopped half way", _RESUME, "Delete endpoint to pause", paused),
    ]
    return [
        replace(ended(name, "failed", passes, _end_of(given), **changes), error=None)
        for name, given, passes, changes in stories
    ]


def _releases_after_a_pause() -> list[Scenario]:
    """Drops end a pause; one that fails leaves it."""
    judged = payload({**VERDICT, "judged_against": PREVIOUS["run_id"]})
    paused: dict[str, Any] = {
        "Read_live_release": _PAUSED,
        "Describe_live_endpoint": NO_ENDPOINT,
        "Judge_model": judged,
    }
    return [
        ended("a drop ends a pause", "live", "Delete previous model", **paused),
        ended(
            "a drop that fails during a pause",
            "failed",
            "Take concurrency away",
            **paused,
            Set_concurrency=Refusal("Lambda.AWSLambdaException"),
        ),
    ]


_NOTHING_LIVE = {"Read_release_to_pause": NO_PARAMETER}


def _pause(name: str, ending: Status, passes: str, **changes: Any) -> Scenario:
    return ended(name, ending, passes, _PAUSE, **changes)


def _resume(name: str, ending: Status, passes: str, **changes: Any) -> Scenario:
    paused = {"Read_release_to_pause": _PAUSED, **changes}
    return ended(name, ending, passes, _RESUME, **paused)


def _end_of(given: dict[str, str]) -> dict[str, Any]:
    """The event of an execution with this input."""
    return {**ENDED_EXECUTION, "detail": {**ENDED_EXECUTION["detail"], "input": json.dumps(given)}}
