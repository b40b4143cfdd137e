"""`make faults`: 1,000 events of 20 drops, shuffled and in bursts, and exactly 20 trainings.

The claim is DynamoDB's conditional write, the state machine the rendered one up to its verdict. That an older
drop never replaces a newer one is test_order_of_drops.py's, a dead holder's lock test_deploy_lock.py's.
"""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.matrix.cases.case import tasks
from tests.faults.matrix.deployment import Deployment
from tests.faults.matrix.results import PROPERTY
from tests.faults.support.workflow_stage import Ended

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(1500)]

DROPS, COPIES, BURST = 20, 50, 50


@pytest.fixture
def deployment(faulty: Any, functions: Any) -> Any:
    made = Deployment(functions.bench.client, functions, faulty.pid)
    made.as_usual()
    # More are dropped than may train at once. Pauses are cut here: as long a wait as ever, by more of them.
    patient = [{**retrier, "MaxAttempts": 1000} for retrier in tasks()["Train on SageMaker"]["Retry"]]
    made.changes = {"Train on SageMaker": {"Retry": patient}}
    made.change("JudgeModelFunction", promote=False, status="champion_kept", reason="not better")
    yield made
    made.bench.close()


def test_a_thousand_events_of_twenty_drops_make_twenty_trainings(
    deployment: Any, record_property: Any
) -> None:
    events = [deployment.drop(f"drops/{number}.zip") for number in range(DROPS)] * COPIES
    random.Random(20).shuffle(events)
    machine = deployment.machine()

    def start(event: dict[str, str]) -> str:
        return deployment.start_on(machine, event)

    with ThreadPoolExecutor(BURST) as pool:
        for first in range(0, len(events), BURST):
            burst = list(pool.map(start, events[first : first + BURST]))
            for execution in burst:
                # To read the history and the ledger of each would take most of the time.
                deployment.until_ended(execution)

    assert _failures(deployment, machine) == []
    rows = deployment.rows()
    assert [row["reason"] for row in rows if row["status"] == "failed"] == []
    assert Counter(row["status"] for row in rows) == {
        "champion_kept": DROPS,
        "duplicate": DROPS * (COPIES - 1),
    }
    jobs = deployment.client("sagemaker").get_paginator("list_training_jobs")
    trained = [
        each for page in jobs.paginate(NameContains=deployment.name) for each in page["TrainingJobSummaries"]
    ]
    told = {"events": DROPS * COPIES, "drops": DROPS, "trainings": len(trained)}
    record_property(PROPERTY, ("duplicates", told))
    assert len(trained) == DROPS
    runs = {row["run_id"] for row in rows if row["status"] == "champion_kept"}
    assert {row["duplicate_of"] for row in rows if row["status"] == "duplicate"} == runs


def _failures(deployment: Deployment, machine: str) -> list[tuple[str, str, str]]:
    """Of the executions that failed: the last state that they entered, and why."""
    states = deployment.client("stepfunctions")
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="FAILED")
    found = []
    for each in (execution for page in pages for execution in page["executions"]):
        described = states.describe_execution(executionArn=each["executionArn"])
        entered = Ended(deployment, each["executionArn"]).states
        found.append((entered[-2], described.get("error", ""), described.get("cause", "")))
    return found


def test_a_run_by_hand_beside_a_drop_waits_for_its_turn(faulty: Any, functions: Any) -> None:
    """Both are released, one after the other, and the later one is live."""
    deployment = Deployment(functions.bench.client, functions, faulty.pid)
    deployment.as_usual()
    try:
        dropped = deployment.start(deployment.drop())
        by_hand = deployment.start({"key": "drops/dogs.zip"})
        for execution in (dropped, by_hand):
            deployment.ended(execution)
        items = [deployment.item_of(execution) for execution in (dropped, by_hand)]
        assert {item["status"] for item in items} == {"live", "replaced"}
        assert deployment.leaks() == []
        (live,) = [item for item in items if item["status"] == "live"]
        assert deployment.live()["run_id"] == live["run_id"]
    finally:
        for endpoint in deployment.standing()["endpoint"]:
            deployment.client("sagemaker").delete_endpoint(EndpointName=endpoint)
        deployment.bench.close()
