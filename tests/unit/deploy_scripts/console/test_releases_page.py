"""Releases: the list, the question before an action, and the action; an execution that is watched."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY
from starlette.testclient import TestClient

from deploy_scripts.console.context import Console
from deploy_scripts.console.parts.change import ChangeStates
from deploy_scripts.operations.runs.ledger import Run
from tests.unit.deploy_scripts.operations.test_following_a_run import entered, event, left
from tests.unit.deploy_scripts.operations.test_releases import GONE, LIVE, OLD, ledger, models, pointer
from tests.unit.deploy_scripts.operations.test_run_ledger import execution

BEFORE = {"run_id": OLD, "endpoint_name": f"dropserve-{OLD}", "release": f"dropserve-{OLD}"}
NEW_RUN = "f" * 32


def metrics(stubbed: Any) -> None:
    # In the minute that has just begun.
    at = datetime.now(UTC).replace(second=0, microsecond=0)
    names = ("live_calls", "live_failures", "canary_calls", "canary_failures")
    values = dict(zip(names, (7.0, 2.0, 0.0, 0.0), strict=True))
    results = [{"Id": name, "Timestamps": [at], "Values": [value]} for name, value in values.items()]
    stubbed.answer("cloudwatch", "get_metric_data", {"MetricDataResults": results})


def a_page(stubbed: Any, **pointed: Any) -> None:
    """What one view of the page asks."""
    for _ in range(2):
        pointer(stubbed, **pointed)
        ledger(stubbed)
    models(stubbed)
    metrics(stubbed)


def test_the_list_leads_back_to_what_is_kept(browser: TestClient, stubbed: Any) -> None:
    a_page(stubbed, previous=BEFORE)
    page = browser.get("/releases").text
    assert f'href="/releases/rollback?to={OLD}"' in page
    assert f"rollback?to={GONE}" not in page and f"rollback?to={LIVE}" not in page
    assert "its model is gone" in page and "the one before" in page
    assert "7</span>" in page and "2 failed" in page and "<rect" in page
    assert 'href="/releases/pause"' in page and "dropserve releases" in page


def test_a_paused_deployment_can_be_resumed(browser: TestClient, stubbed: Any) -> None:
    a_page(stubbed, paused_at="2026-11-23T10:00:00Z")
    page = browser.get("/releases").text
    assert 'href="/releases/resume"' in page and 'href="/releases/pause"' not in page


def test_before_a_rollback_it_is_said_what_it_does(browser: TestClient, stubbed: Any) -> None:
    for _ in range(2):
        pointer(stubbed, previous=BEFORE)
        ledger(stubbed)
    page = browser.get("/releases/rollback").text
    assert f"Run {OLD}" in page and f"Run {LIVE} is live now." in page
    assert f"dropserve rollback --to {OLD[:8]}" in page
    assert f'name="live" value="{LIVE}"' in page and f'name="to" value="{OLD}"' in page


def test_a_rollback_begins_an_execution_and_shows_its_run(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    for _ in range(2):
        pointer(stubbed, previous=BEFORE)
    for _ in range(2):
        ledger(stubbed)
    started = f"{stubbed.execution_arn}:rollback"
    stubbed.answer(
        "stepfunctions",
        "start_execution",
        {"executionArn": started, "startDate": datetime.now(UTC)},
        stateMachineArn=ANY,
        name=ANY,
        input=json.dumps({"action": "rollback", "to": OLD}),
    )
    row = stubbed.ledger_item(run_id=NEW_RUN, status="restored", source="rollback", execution_arn=started)
    stubbed.answer("dynamodb", "scan", {"Items": [row]})
    form = {"live": LIVE, "to": OLD}
    reply = browser.post("/releases/rollback", data=form, headers=own, follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (303, f"/releases?run={NEW_RUN}")
    stubbed.assert_all_asked()


def test_what_was_decided_on_an_old_page_is_not_done(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    pointer(stubbed)
    form = {"live": OLD, "to": GONE}
    reply = browser.post("/releases/rollback", data=form, headers={**own, "HX-Request": "true"})
    assert reply.status_code == 422
    assert "has changed since the page was loaded" in reply.text


@pytest.mark.parametrize("action", ["delete", "drop"])
def test_there_are_no_other_actions(
    browser: TestClient, own: dict[str, str], stubbed: Any, action: str
) -> None:
    pointer(stubbed)
    assert browser.get(f"/releases/{action}").status_code == 404
    reply = browser.post(f"/releases/{action}", data={"live": LIVE}, headers=own)
    assert reply.status_code == 404


def test_nothing_can_be_paused_before_the_first_release(browser: TestClient, stubbed: Any) -> None:
    stubbed.refuse("ssm", "get_parameter", "ParameterNotFound")
    reply = browser.get("/releases/pause")
    assert reply.status_code == 422 and "No release is live." in reply.text


def test_a_change_is_followed_state_by_state(stubbed: Any, console: Console) -> None:
    events = [event(1, "ExecutionStarted"), entered(2, "Read input"), left(4, "Read input")]
    events.append(entered(5, "Create endpoint"))
    stubbed.answer("stepfunctions", "get_execution_history", {"events": events[::-1]})
    later = [*events, left(9, "Create endpoint")]
    stubbed.answer("stepfunctions", "get_execution_history", {"events": later[::-1]})
    run = Run("0" * 32, "food", "rollback", None, "running", None, None, None, "", None)
    states = ChangeStates(console.deployment, stubbed.execution_arn)

    first = states.view_of(run)
    assert (first.title, first.current) == ("Rollback", "Create endpoint")
    assert [(each.state, each.seconds) for each in first.states] == [
        ("Read input", 2.0),
        ("Create endpoint", 0.0),
    ]
    assert states.view_of(run).states[1].seconds == 4.0


def test_a_change_that_aws_has_forgotten_has_no_states(stubbed: Any, console: Console) -> None:
    stubbed.refuse("stepfunctions", "get_execution_history", "ExecutionDoesNotExist")
    run = Run("0" * 32, "food", "pause", None, "paused", None, None, None, "", None)
    shown = ChangeStates(console.deployment, stubbed.execution_arn).view_of(run)
    assert not shown.states and not shown.current


def test_a_rollback_under_way_is_shown_without_buttons(browser: TestClient, stubbed: Any) -> None:
    pointer(stubbed, previous=BEFORE)
    pointer(stubbed, previous=BEFORE)
    row = stubbed.ledger_item(run_id=NEW_RUN, status="running", source="rollback", dataset="<script>x")
    for _ in range(2):
        stubbed.answer("dynamodb", "scan", {"Items": [row]})
        stubbed.answer("stepfunctions", "describe_execution", execution(stubbed, "RUNNING"))
    history = [event(1, "ExecutionStarted"), entered(2, "Wait for endpoint")]
    stubbed.answer("stepfunctions", "get_execution_history", {"events": history[::-1]})
    metrics(stubbed)
    page = browser.get(f"/releases?run={NEW_RUN}").text
    assert "Wait for endpoint" in page and f"/releases/feed?run={NEW_RUN}" in page
    assert "/releases/pause" not in page and "/releases/rollback" not in page
    assert "<script>x" not in page
