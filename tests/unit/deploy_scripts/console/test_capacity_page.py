"""Capacity: what is asked and what it costs; a review, and what is done about it."""

from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody
from starlette.testclient import TestClient

from deploy_scripts.console.context import Console
from deploy_scripts.console.pages import capacity as capacity_page
from deploy_scripts.console.parts.jobs import Progress, jobs_of
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.capacity_reviews import (
    DayOfTraffic,
    read_day_of_traffic,
    read_last_review,
)
from tests.unit.deploy_scripts.conftest import OUTPUTS

SETTINGS = {
    "reserved_concurrency": 6,
    "provisioned_concurrency": None,
    "min_instances": 1,
    "max_instances": 6,
    "target_invocations_per_instance": 600,
}
FORECAST = {
    "throttle_rate": 0.25,
    "overload_rate": 0.0,
    "cold_start_rate": 0.001,
    "mean_instances": 1.5,
    "monthly_usd": 120.0,
    "usd": {"endpoint": 100.0, "<b>": None},
}
REVIEW: dict[str, Any] = {
    "reviewed_at": "2026-01-31T10:00:00Z",
    "days": 7,
    "reason": "",
    "traffic": {"requests": 12345, "hours": 100.5, "busiest_minute": 99, "duration_s": 0.25},
    "today": {"settings": SETTINGS, "forecast": FORECAST},
    "recommended": {
        "settings": {**SETTINGS, "reserved_concurrency": 24},
        "forecast": {**FORECAST, "throttle_rate": 0.0},
        "notes": ["<script>alert(1)</script>"],
    },
    "applied": None,
}


@pytest.fixture(autouse=True)
def faked(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A deployment with a day of traffic, and the last review, which a test may change."""
    last = SimpleNamespace(review=REVIEW)
    day = DayOfTraffic([0.0] * 142 + [10.0, 5.0], [0.0] * 143 + [2.0], [3.0] * 144)
    monkeypatch.setattr(capacity_page, "live_of", lambda console: None)
    monkeypatch.setattr(capacity_page, "read_last_review", lambda deployment: last.review)
    monkeypatch.setattr(capacity_page, "read_day_of_traffic", lambda deployment: day)
    concurrency = {"reserved": 6, "provisioned": None, "provisioned_status": None}
    monkeypatch.setattr(capacity_page, "read_concurrency", lambda deployment: concurrency)
    monkeypatch.setattr(
        capacity_page, "read_parameters", lambda aws: {"MinInstances": "2", "FromAnotherTemplate": "x"}
    )
    return last


def ended(console: Console) -> Progress:
    job = jobs_of(console).find("capacity")
    assert job
    until = time.monotonic() + 30
    while not job.progress.ended and time.monotonic() < until:
        time.sleep(0.01)
    assert job.progress.ended
    return job.progress


def asked(monkeypatch: pytest.MonkeyPatch, document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the review's function is asked, when it answers this document."""
    calls: list[dict[str, Any]] = []

    def review(deployment: Any, **event: Any) -> dict[str, Any]:
        calls.append(event)
        return document

    monkeypatch.setattr(capacity_page, "review_capacity", review)
    return calls


def test_traffic_review_and_cost_are_side_by_side(browser: TestClient) -> None:
    page = browser.get("/capacity").text
    assert "15</span>" in page and "2 throttled; at most 3 at once" in page and 'class="bad"' in page
    assert "12,345 requests in 100.5 hours" in page
    for cells in (("6", "24"), ("25.000%", "0.000%"), ("$100.00", "$100.00")):
        assert all(f">{cell}</td>" in page for cell in cells)
    assert "<script>alert" not in page and "a month: &lt;b&gt;" in page and "not known" in page
    assert 'href="/capacity/apply"' in page
    assert "an idle month" in page and "dropserve cost --region us-east-1" in page
    # Nothing is live: no endpoint is paid for.
    assert "endpoint: " not in page.partition("an idle month")[2].partition("a million")[0]


def test_without_a_recommendation_there_is_nothing_to_apply(
    browser: TestClient, faked: SimpleNamespace
) -> None:
    faked.review = {**REVIEW, "recommended": None, "reason": "too little data"}
    page = browser.get("/capacity").text
    assert "Nothing is recommended: too little data." in page and 'href="/capacity/apply"' not in page
    faked.review = None


def test_before_the_first_review(browser: TestClient, faked: SimpleNamespace) -> None:
    faked.review = None
    assert "There was no review yet." in browser.get("/capacity").text


def test_a_review_by_hand_changes_nothing(
    browser: TestClient, own: dict[str, str], console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = asked(monkeypatch, REVIEW)
    browser.post("/capacity", data={"days": "3"}, headers=own)
    assert ended(console).error is None
    assert calls == [{"days": 3, "apply": False, "reset": False}]


@pytest.mark.parametrize("days", ["0", "16", "x", "", "1e1", "9" * 400])
def test_a_number_of_days_that_is_none_is_refused(
    browser: TestClient, own: dict[str, str], days: str
) -> None:
    answer = browser.post("/capacity", data={"days": days}, headers=own)
    assert answer.status_code == 422 and "is no number of days" in answer.text


@pytest.mark.parametrize(("change", "command"), [("apply", "--apply --days 7"), ("reset", "--reset")])
def test_a_change_is_asked_about_and_then_made(  # noqa: PLR0917 - fixtures
    browser: TestClient,
    own: dict[str, str],
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    command: str,
) -> None:
    calls = asked(monkeypatch, {**REVIEW, "applied": {"done": True, "reason": "a note"}})
    question = browser.get(f"/capacity/{change}").text
    assert f"dropserve capacity {command}" in question and not calls
    browser.post(f"/capacity/{change}", headers=own)
    assert ended(console).lines[-1].endswith("a note")
    assert calls == [{"days": 7, "apply": change == "apply", "reset": change == "reset"}]


def test_what_was_not_applied_is_said(
    browser: TestClient, own: dict[str, str], console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, {**REVIEW, "applied": {"done": False, "reason": "a release is under way"}})
    browser.post("/capacity/apply", headers=own)
    error = ended(console).error
    assert error and "a release is under way" in error.message
    assert "a release is under way" in browser.get("/capacity").text


def test_there_are_no_other_changes(browser: TestClient, own: dict[str, str]) -> None:
    assert browser.get("/capacity/double").status_code == 404
    assert browser.post("/capacity/double", headers=own).status_code == 404


def test_the_last_review_is_the_newest(stubbed: Any) -> None:
    keys = [f"reviews/capacity/2026-01-{day}T10-00-00Z.json" for day in ("30", "31", "29")]
    stubbed.answer("s3", "list_objects_v2", {"Contents": [{"Key": key} for key in keys]})
    body = json.dumps(REVIEW).encode()
    answer = {"Body": StreamingBody(io.BytesIO(body), len(body))}
    stubbed.answer("s3", "get_object", answer, Bucket="dropserve-data", Key=keys[1])
    assert read_last_review(stubbed.deployment) == REVIEW
    stubbed.answer("s3", "list_objects_v2", {})
    assert read_last_review(stubbed.deployment) is None


def test_a_day_of_traffic_is_told_by_ten_minutes(stubbed: Any) -> None:
    now = datetime.now(UTC)
    at = now.replace(second=0, microsecond=0)
    values = {"invocations": 5.0, "throttles": 2.0, "concurrency": 4.0}
    results = [{"Id": name, "Timestamps": [at], "Values": [value]} for name, value in values.items()]
    stubbed.answer("cloudwatch", "get_metric_data", {"MetricDataResults": results})
    day = read_day_of_traffic(Deployment(stubbed.aws, OUTPUTS))
    assert len(day.requests) == 144
    assert (sum(day.requests), sum(day.throttled), max(day.most_concurrency)) == (7.0, 2.0, 4.0)
