"""The time that a JSONata expression may take."""

from typing import Any

import pytest
from jsonata import timebox
from jsonata.jexception import JException

from local_cloud.ministack_adapter.step_functions import expressions
from tests.support.cloud_bench import Bench

ENDLESS = "( $again := function($n) { $again($n + 1) }; $again(0) )"


class _Frame:
    """What a time box asks of an evaluation."""

    def set_evaluate_entry_callback(self, callback: Any) -> None:
        self.entry = callback

    def set_evaluate_exit_callback(self, callback: Any) -> None:
        self.exit = callback


def test_an_expression_that_never_ends_fails_its_state(bench: Bench) -> None:
    states = {"P": {"Type": "Pass", "Output": f"{{% {ENDLESS} %}}", "End": True}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "P", "States": states}
    ended = bench.finished(bench.start(definition, {}))
    assert ended["error"] == "States.QueryEvaluationError"
    assert "Evaluation timeout after 1000 milliseconds" in ended["cause"]


def test_only_its_own_work_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_s = [0.0]
    monkeypatch.setattr("time.thread_time", lambda: worked_s[0])
    # An hour passes between two readings of the clock.
    clock_ms = iter(range(0, 10**9, 3_600_000))
    monkeypatch.setattr(timebox.Timebox, "current_milli_time", staticmethod(lambda: next(clock_ms)))
    box = expressions.ThreadTimebox(_Frame(), 1000)
    box.check_runaway()
    worked_s[0] = 1.1
    with pytest.raises(JException, match="1000"):
        box.check_runaway()


def test_it_may_not_nest_deeper_than_it_is_told() -> None:
    frame = _Frame()
    expressions.ThreadTimebox(frame, None, 1)
    call = type("Call", (), {"is_parallel_call": False})()
    frame.entry(None, None, call)
    with pytest.raises(JException):
        frame.entry(None, None, call)
