"""The states of a run with their times and tries, from its history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.response import StreamingBody

from deploy_scripts.operations.runs.executions import Step
from deploy_scripts.operations.runs.ledger import read_ledger
from deploy_scripts.operations.runs.story import read_story, state_times

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)


def step(event: Any, state: str, at_s: float, kind: str = "Task", **failure: str) -> Step:
    return Step(event, state, kind, BEGAN + timedelta(seconds=at_s), **failure)


def test_states_have_their_time_their_rounds_and_their_failed_tries() -> None:
    steps = [
        step("entered", "Plan training", 0),
        step("failed", "Plan training", 1, error="Lambda.TooManyRequestsException", cause="slow down"),
        step("left", "Plan training", 3),
        step("entered", "EC2 backend?", 3, "Choice"),
        step("left", "EC2 backend?", 3, "Choice"),
        step("entered", "Wait for endpoint", 4, "Wait"),
        step("left", "Wait for endpoint", 19, "Wait"),
        step("entered", "Wait for endpoint", 20, "Wait"),
        step("left", "Wait for endpoint", 35, "Wait"),
        step("entered", "Train on SageMaker", 36),
    ]
    plan, wait, train = state_times(steps)
    assert (plan.state, plan.seconds, plan.entered, plan.failed_tries) == ("Plan training", 3, 1, 1)
    assert "slow down" in plan.last_failure
    assert (wait.state, wait.seconds, wait.entered, wait.failed_tries) == ("Wait for endpoint", 30, 2, 0)
    assert (train.seconds, train.entered) == (0, 1), "it goes on"


def test_a_run_of_long_ago_has_its_reports_and_cost_still(stubbed: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})
    (item,) = read_ledger(stubbed.deployment)
    stubbed.refuse("stepfunctions", "get_execution_history", "ExecutionDoesNotExist")
    keys = [f"runs/{item.run.run_id}/{name}" for name in ("model.bin", "plan.json", "report.html")]
    stubbed.answer("s3", "list_objects_v2", {"Contents": [{"Key": key} for key in keys]})
    text = b'{"estimate": {"training_cost_usd": 0.25}}'
    stubbed.answer("s3", "get_object", {"Body": StreamingBody(_Bytes(text), len(text))})

    story = read_story(stubbed.deployment, item)

    assert (story.states, story.training_usd) == ([], 0.25)
    assert story.reports == [f"s3://dropserve-data/{key}" for key in keys[1:]]


class _Bytes:
    """What urllib3 gives of an answer."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def read(self, amount: int | None = None) -> bytes:
        read, self._text = self._text, b""
        return read
