"""What counts as too late where a busy machine sees a task's limit and its end at once."""

import threading

import pytest

from local_cloud.service_integrations.errors import TaskError
from local_cloud.service_integrations.task_limits import Limits, Outcome, wait_for


def _waited_for(monkeypatch: pytest.MonkeyPatch, *, ended_at: float) -> object:
    """A task that begins at 10 seconds of the clock and may run for one, seen once it has ended."""
    outcome = Outcome()
    monkeypatch.setattr("time.monotonic", lambda: ended_at)
    outcome.succeed("answer")
    monkeypatch.setattr("time.monotonic", lambda: 10.0)
    return wait_for(outcome, Limits(timeout_s=1.0), threading.Event())


def test_an_answer_within_the_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _waited_for(monkeypatch, ended_at=10.9) == "answer"


def test_an_answer_after_the_limit_is_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TaskError) as refused:
        _waited_for(monkeypatch, ended_at=11.8)
    assert refused.value.error == "States.Timeout"
