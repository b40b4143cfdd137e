"""The page of a run: what it shows while it goes on, how it ended, and its files."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.response import StreamingBody
from starlette.testclient import TestClient

from deploy_scripts.console import run_watch
from deploy_scripts.console.context import Console
from deploy_scripts.console.pages import run as run_page
from deploy_scripts.console.run_watch import RunWatch
from deploy_scripts.operations.runs.executions import Step

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


class Follower:
    """An execution that has done these steps; over when told so."""

    def __init__(self, states: Sequence[str], *, ended: bool) -> None:
        self._states = list(states)
        self.ended = ended

    def has_ended(self) -> bool:
        return self.ended

    def read_new(self) -> list[Step]:
        states, self._states = self._states, []
        return [
            Step(event, state, "Task", NOON + timedelta(seconds=number))  # type: ignore[arg-type]
            for number, state in enumerate(states)
            for event in ("entered", "succeeded", "left")
        ]


@pytest.fixture
def execution(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has the run's execution be in these states."""

    def set_states(*states: str, ended: bool) -> None:
        monkeypatch.setattr(run_watch, "ExecutionFollower", lambda *_: Follower(states, ended=ended))
        monkeypatch.setattr(run_watch, "list_reports", lambda *_: [])

    return set_states


def answer_item(stubbed: Any, **attributes: str) -> None:
    stubbed.answer("dynamodb", "get_item", {"Item": stubbed.ledger_item(**attributes)})


def test_a_running_run_is_followed(browser: TestClient, stubbed: Any, execution: Any) -> None:
    execution("Read input", "Inspect dataset", ended=False)
    answer_item(stubbed, status="running")
    stubbed.answer("stepfunctions", "describe_execution", running(stubbed))
    answer = browser.get(f"/runs/{stubbed.run_id}")
    assert answer.status_code == 200
    assert f'sse-connect="/runs/{stubbed.run_id}/feed"' in answer.text
    assert "Inspect dataset: done" in answer.text
    assert "Plan training: not yet" in answer.text


def test_an_ended_run_says_why_and_what_to_do(browser: TestClient, stubbed: Any, execution: Any) -> None:
    execution("Read input", "Inspect dataset", "Record outcome", ended=True)
    for _ in range(2):
        answer_item(stubbed, status="rejected", reason=f"class {HOSTILE} has one photo")
    answer = browser.get(f"/runs/{stubbed.run_id}")
    assert "sse-connect" not in answer.text
    assert "Inspect dataset: the run ended here" in answer.text
    assert "Correct the dataset or the overrides" in answer.text
    assert "class &lt;script&gt;alert(1)&lt;/script&gt; has one photo" in answer.text
    assert "<script>alert" not in answer.text


def test_a_run_that_ends_between_two_reads_is_shown_as_it_ended(stubbed: Any, execution: Any) -> None:
    """The ledger is read first, and may still call a run running whose history is complete."""
    execution("Read input", "Record outcome", ended=True)
    answer_item(stubbed, status="running")
    stubbed.answer("stepfunctions", "describe_execution", running(stubbed))
    answer_item(stubbed, status="live")
    sight = RunWatch(stubbed.deployment, stubbed.run_id).look()
    assert (sight.ended, sight.item.run.status) == (True, "live")


def test_the_beginning_of_an_id_leads_to_the_run(browser: TestClient, stubbed: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})
    answer = browser.get(f"/runs/{stubbed.run_id[:8]}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{stubbed.run_id}")


def test_a_run_that_is_not_there_is_said(browser: TestClient, stubbed: Any) -> None:
    stubbed.answer("dynamodb", "get_item", {})
    answer = browser.get(f"/runs/{'f' * 32}")
    assert answer.status_code == 422
    assert "There is no run ffff" in answer.text


def test_a_report_can_run_nothing(browser: TestClient, stubbed: Any) -> None:
    content = f"<html>{HOSTILE}</html>".encode()
    body = StreamingBody(io.BytesIO(content), len(content))
    stubbed.answer(
        "s3",
        "get_object",
        {"Body": body},
        Bucket="dropserve-data",
        Key=f"runs/{stubbed.run_id}/report.html",
    )
    answer = browser.get(f"/runs/{stubbed.run_id}/files/report.html")
    policy = answer.headers["content-security-policy"]
    assert answer.content == content
    assert policy.startswith("sandbox; default-src 'none'") and "script-src" not in policy


@pytest.mark.parametrize(
    "name", ["model.tar.gz", "..%2f..%2fdrops%2ffood.zip", "%2e%2e", "report.html%00", "secret.html"]
)
def test_no_other_file_is_given(browser: TestClient, stubbed: Any, name: str) -> None:
    assert browser.get(f"/runs/{stubbed.run_id}/files/{name}").status_code == 404


def test_only_known_logs_are_read(browser: TestClient, stubbed: Any) -> None:
    answer_item(stubbed)
    answer = browser.get(f"/runs/{stubbed.run_id}/log", params={"source": HOSTILE})
    assert answer.status_code == 422
    assert "There is no log named &lt;script&gt;" in answer.text


def test_a_log_is_shown_as_text(browser: TestClient, stubbed: Any) -> None:
    answer_item(stubbed)
    event = {"timestamp": 1_790_000_000_000, "logStreamName": "one", "message": f"{HOSTILE}\x1b[31m\n"}
    stubbed.answer("logs", "filter_log_events", {"events": [event]})
    answer = browser.get(f"/runs/{stubbed.run_id}/log", params={"source": "workflow"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in answer.text
    assert "<script" not in answer.text and "\x1b" not in answer.text


def test_the_curve_is_a_line_between_the_extremes() -> None:
    drawn = run_page.chart("Training loss", [1, 2, 3], [1.0, 0.25, 0.5])
    ys = [float(point.split(",")[1]) for point in drawn.points.split()]
    assert (drawn.low, drawn.high, drawn.newest) == ("0.250", "1.000", "0.500")
    assert ys[0] == drawn.top and ys[1] == drawn.bottom and drawn.top < ys[2] < drawn.bottom
    assert run_page.chart("One", [1], [0.5]).points


def test_overrides_of_a_start_by_hand_reach_the_state_machine(
    browser: TestClient, own: dict[str, str], stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deploy_scripts.console.pages import start

    started: list[dict[str, Any]] = []

    def start_execution(deployment: Any, given: dict[str, Any]) -> str:
        started.append(given)
        return str(stubbed.execution_arn)

    monkeypatch.setattr(start, "start_execution", start_execution)
    stubbed.answer("s3", "head_object", {})
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})
    form = {
        "key": "drops/food.zip",
        "backend": "ec2",
        "instance_type": "c5.xlarge",
        "min_accuracy": "0.8",
        "max_cost_usd": "2",
        "hyperparameters": "epochs=20\r\nbackbone=resnet18\n",
        "force": "yes",
    }
    answer = browser.post("/runs/new", data=form, headers=own, follow_redirects=False)
    assert answer.headers["location"] == f"/runs/{stubbed.run_id}"
    assert json.loads(json.dumps(started)) == [
        {
            "backend": "ec2",
            "instance_type": "c5.xlarge",
            "min_accuracy": 0.8,
            "max_cost_usd": 2,
            "hyperparameters": {"epochs": 20, "backbone": "resnet18"},
            "force": True,
            "bucket": "dropserve-data",
            "key": "drops/food.zip",
        }
    ]
    command = browser.post("/runs/new/command", data=form, headers=own).text
    assert (
        "dropserve run --key drops/food.zip --backend ec2 --instance-type c5.xlarge --min-accuracy 0.8 "
        "--max-cost 2 -p epochs=20 -p backbone=resnet18 --force" in command
    )


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"min_accuracy": "much"}, "is no number"),
        ({"instance_count": "1.5"}, "is no number"),
        ({"min_accuracy": "2"}, "min_accuracy"),
        ({"instance_type": "ml.huge"}, "instance_type must be one of"),
        ({"hyperparameters": "epochs"}, "is not understood"),
        ({"hyperparameters": "epochs=0"}, "epochs"),
    ],
)
def test_a_wrong_override_is_said_before_anything_starts(
    browser: TestClient, own: dict[str, str], form: dict[str, str], sentence: str
) -> None:
    answer = browser.post("/runs/new", data={"key": "drops/food.zip", **form}, headers=own)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_the_runs_come_by_the_page(
    browser: TestClient, stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Console, "slow_s", 3600.0)
    items = [
        {
            **stubbed.ledger_item(started_at=f"2026-11-22T10:{number:02d}:00.000Z"),
            "run_id": {"S": f"{number:032x}"},
        }
        for number in range(60)
    ]
    stubbed.answer("dynamodb", "scan", {"Items": items})
    second = browser.get("/runs", params={"page": "2"}).text
    assert second.count("<tr>") == 11
    assert "Page 2 of 2, 60 runs" in second
    assert f"/runs/{0:032x}" in second and f"/runs/{59:032x}" not in second
    stubbed.answer("s3", "list_objects_v2", {})
    for odd in ("0", "-1", "x", "²"):
        assert "Page 1 of 2" in browser.get("/runs", params={"page": odd}).text
    assert "Page 2 of 2" in browser.get("/runs", params={"page": "99"}).text


def running(stubbed: Any) -> dict[str, Any]:
    return {
        "executionArn": stubbed.execution_arn,
        "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:x",
        "status": "RUNNING",
        "startDate": NOON,
    }
