"""How many events and state transitions a run has, counted from what the interpreter passed.

Events: https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploy_scripts.verify_aws.check import Subject
from deploy_scripts.verify_aws.machine.answers import (
    FOLDER_DROP,
    INSPECTION,
    NO_EC2_CAPACITY,
    PLAN,
    PREVIOUS,
    STRAIGHT,
    VERDICT,
    lock,
    payload,
    pointer,
)
from deploy_scripts.verify_aws.machine.interpreter import play, prepared
from deploy_scripts.verify_aws.machine.refusal import InTurn
from deploy_scripts.verify_aws.machine.run import Run, checked
from deploy_scripts.verify_aws.machine.scenarios import STRAIGHT_RUN
from state_machines.stages.ingest import MAX_UPLOAD_WAITS
from state_machines.stages.train import INSTANCE_TRIES, MAX_CAPACITY_WAITS

# Entered and exited; of a Task also scheduled, started and ended.
_EVENTS = {"Fail": 1, "Task": 5}
_STARTED_AND_ENDED = 2
# A retry is scheduled, started and fails.
_EVENTS_A_RETRY = 3


def straight_run(subject: Subject) -> Run:
    """A drop that is trained on and released, with no release before it."""
    definition = prepared(subject)
    with checked(definition):
        return play(definition, STRAIGHT_RUN)


def longest_run(subject: Subject) -> Run:
    """Every wait as often as the template allows: upload, EC2, lock (at its dearest), both watches."""
    most = {
        name: str(subject.main["Parameters"][name]["MaxValue"])
        for name in ("PollLimit", "BakeSeconds", "CanarySeconds")
    }
    polls = int(most["PollLimit"])
    definition = prepared(subject, CanaryPercent="50", **most)
    folder = {**INSPECTION, "format": "folder"}
    arriving = payload({**folder, "wait_s": 1})
    no_capacity = [NO_EC2_CAPACITY] * INSTANCE_TRIES * MAX_CAPACITY_WAITS
    held, free = lock("arn:aws:states:us-east-1:123456789012:execution:machine:other"), lock()
    changes = {
        "Inspect dataset": InTurn((*[arriving] * MAX_UPLOAD_WAITS, payload(folder))),
        "Plan training": payload({**PLAN, "backend": "ec2", "instance_type": "g5.xlarge"}),
        "Train on EC2": InTurn((*no_capacity, STRAIGHT["Train on EC2"])),
        "Read deploy lock": InTurn((*[held] * polls, free)),
        "Read lock holder": {"Status": "RUNNING"},
        "Read live release": pointer(PREVIOUS),
        "Judge model": payload({**VERDICT, "judged_against": PREVIOUS["run_id"]}),
    }
    with checked(definition):
        return play(definition, replace(STRAIGHT_RUN, input=FOLDER_DROP, changes=changes))


def events(definition: Mapping[str, Any], run: Run) -> int:
    """The events of its history."""
    states = definition["States"]
    entered = sum(_EVENTS.get(states[name]["Type"], 2) for name in run.states)
    # Of one that waits for a job or a token.
    submitted = sum(call.resource.endswith((".sync", ".waitForTaskToken")) for call in run.calls)
    return _STARTED_AND_ENDED + entered + submitted + _EVENTS_A_RETRY * len(run.refused)


def transitions(run: Run) -> int:
    """What is paid for: each state entered, and each retry."""
    return len(run.states) + len(run.refused)
