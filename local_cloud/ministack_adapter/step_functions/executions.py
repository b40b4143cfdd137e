"""Step Functions: executions that end on time, and task tokens that live as AWS's do."""

import contextvars
import json
import threading
import time
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions as sfn

from local_cloud import json_text
from local_cloud.ministack_adapter import patch_points, request_checks
from local_cloud.ministack_adapter.step_functions import (
    data_flow,
    data_limits,
    distributed_map,
    expressions,
    states,
)
from local_cloud.service_integrations.errors import TaskError
from local_cloud.service_integrations.executions import RunningExecutions
from local_cloud.service_integrations.integrations import Integrations
from local_cloud.service_integrations.task_limits import Outcome

Reply = tuple[int, dict[str, str], bytes]

START_DELAY_S = 0.15
FINISHED_TOKENS = 1000


def install(on_end: Callable[[], None], note_call: distributed_map.NoteCall) -> None:
    """Replaces the Task state and what surrounds it; `on_end` is called when an execution has ended.

    `note_call` is told of what Step Functions does for a role without a request of its own.
    """
    executions = RunningExecutions()
    tokens = TaskTokens()
    tokens.install()
    data_flow.install()
    data_limits.install()
    expressions.install()
    states.install(executions, tokens, Integrations())
    distributed_map.install(executions, note_call)
    ExecutionClock(executions, on_end).install()
    _skip_start_delay()


def tell_cut_off(execution_arns: Iterable[str]) -> None:
    """Ends the histories of executions that the emulator loaded as FAILED, and their Map runs.

    EventBridge tells of them.
    """
    add_event = patch_points.take(sfn, "_add_event", "execution", "event_type", "details")
    for arn in execution_arns:
        execution = sfn._executions.get(arn)
        if execution is not None:
            details = {"error": execution["error"], "cause": execution["cause"]}
            add_event(execution, "ExecutionFailed", {"executionFailedEventDetails": details})
            patch_points.take(sfn, "_emit_execution_status_event", "execution")(execution)
            distributed_map.end_runs_of(arn)


class TaskTokens:
    """The tasks that wait for a token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Outcome] = {}
        self._finished: dict[str, None] = {}

    def install(self) -> None:
        """Replaces the three calls that answer a token."""
        patch_points.replace(sfn, "_send_task_success", self._success, "data")
        patch_points.replace(sfn, "_send_task_failure", self._failure, "data")
        patch_points.replace(sfn, "_send_task_heartbeat", self._heartbeat, "data")

    def open(self) -> tuple[str, Outcome]:
        """A new token and the outcome that it stands for."""
        token, outcome = str(patch_points.take(sfn, "new_uuid")()), Outcome()
        with self._lock:
            self._waiting[token] = outcome
        return token, outcome

    def close(self, token: str) -> None:
        """The task has ended: the token is good for nothing any more."""
        with self._lock:
            self._waiting.pop(token, None)
            self._finished[token] = None
            while len(self._finished) > FINISHED_TOKENS:
                self._finished.pop(next(iter(self._finished)))

    def _success(self, data: dict[str, Any]) -> Reply:
        outcome, refusal = self._find(data)
        if outcome is None:
            return refusal
        too_long = request_checks.check_text(data.get("output", ""), "output")
        if too_long:
            return too_long
        try:
            outcome.succeed(json_text.parse(data.get("output", "")))
        except ValueError as error:
            return _error("InvalidOutput", f"Invalid Output: '{error}'")
        return _ok()

    def _failure(self, data: dict[str, Any]) -> Reply:
        outcome, refusal = self._find(data)
        if outcome is None:
            return refusal
        outcome.fail(TaskError(data.get("error", "States.TaskFailed"), data.get("cause", "")))
        return _ok()

    def _heartbeat(self, data: dict[str, Any]) -> Reply:
        outcome, refusal = self._find(data)
        if outcome is None:
            return refusal
        outcome.heartbeat_at = time.monotonic()
        return _ok()

    def _find(self, data: dict[str, Any]) -> tuple[Outcome | None, Reply]:
        token = data.get("taskToken", "")
        with self._lock:
            outcome, finished = self._waiting.get(token), token in self._finished
        if outcome is None and finished:
            return None, _error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return outcome, _error("InvalidToken", "Invalid Token: 'Invalid token'")


class ExecutionClock:
    """Ends executions that are stopped or that run longer than their machine's TimeoutSeconds."""

    def __init__(self, executions: RunningExecutions, on_end: Callable[[], None]) -> None:
        self._executions = executions
        self._on_end = on_end

    def install(self) -> None:
        """Wraps the run, the stop and the failure of an execution."""
        for name in ("_executions", "_state_machines"):
            patch_points.take(sfn, name)
        self._add_event = patch_points.take(sfn, "_add_event", "execution", "event_type", "details")
        self._emit = patch_points.take(sfn, "_emit_execution_status_event", "execution")
        self._run_original = patch_points.replace(sfn, "_run_execution", self._run, "exec_arn")
        self._stop_original = patch_points.replace(sfn, "_stop_execution", self._stop, "data")
        self._fail_original = patch_points.replace(
            sfn, "_fail_execution", self._fail, "execution", "error", "cause"
        )

    def _run(self, execution_arn: str) -> None:
        execution = sfn._executions[execution_arn]
        machine = sfn._state_machines.get(execution["stateMachineArn"]) or {"definition": "{}"}
        timeout_s = _timeout_s(machine["definition"])
        self._executions.begin(execution_arn)
        timer = threading.Timer(timeout_s or 0, contextvars.copy_context().run, [self._time_out, execution])
        timer.daemon = True
        if timeout_s:
            timer.start()
        try:
            self._run_original(execution_arn)
        finally:
            timer.cancel()
            self._executions.forget(execution_arn)
            self._on_end()

    def _time_out(self, execution: dict[str, Any]) -> None:
        if execution["status"] != "RUNNING":
            return
        execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout")
        details = {"error": "States.Timeout", "cause": "the execution ran longer than TimeoutSeconds"}
        self._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": details})
        self._emit(execution)
        self._executions.end(execution["executionArn"])

    def _stop(self, data: dict[str, Any]) -> Reply:
        reply: Reply = self._stop_original(data)
        if reply[0] == 200:
            self._executions.end(data["executionArn"])
        return reply

    def _fail(self, execution: dict[str, Any], error: str, cause: str) -> None:
        # A stopped execution stays stopped, whatever its last task came to.
        if execution["status"] == "RUNNING":
            self._fail_original(execution, error, cause)


def _skip_start_delay() -> None:
    """Only `_run_execution` sleeps for exactly this long; the module gets a `time` that does not."""
    clock = patch_points.take(sfn, "time")

    def sleep(seconds: float) -> None:
        if seconds != START_DELAY_S:
            clock.sleep(seconds)

    patch_points.replace(sfn, "time", SimpleNamespace(**{**vars(clock), "sleep": sleep}))


def _timeout_s(definition: str) -> float | None:
    try:
        seconds = json.loads(definition).get("TimeoutSeconds")
    except ValueError:
        return None
    return float(seconds) if isinstance(seconds, int | float) else None


def _ok() -> Reply:
    reply: Reply = json_response({})
    return reply


def _error(code: str, message: str) -> Reply:
    reply: Reply = error_response_json(code, message, 400)
    return reply
