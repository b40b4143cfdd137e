"""The Task state as the specification has it, and Retry and Catch of every state.

https://states-language.net/#task-state and https://states-language.net/#errors
"""

import contextvars
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.services import stepfunctions as sfn

from local_cloud.ministack_adapter import patch_points
from local_cloud.ministack_adapter.step_functions import data_flow, data_limits
from local_cloud.ministack_adapter.step_functions.distributed_map import machine_of
from local_cloud.service_integrations.errors import TaskError
from local_cloud.service_integrations.executions import RunningExecutions
from local_cloud.service_integrations.integrations import Integrations
from local_cloud.service_integrations.resources import Resource, parse_resource
from local_cloud.service_integrations.retries import Retries, error_matches
from local_cloud.service_integrations.task_limits import ExecutionEndedError, Outcome, read_limits, wait_for

State = dict[str, Any]
Context = dict[str, Any]


def install(executions: RunningExecutions, tokens: Any, integrations: Integrations) -> None:
    """Puts the runner below in the place of ministack's functions."""
    runner = StateRunner(executions, tokens, integrations)
    for name in ("_add_event", "_apply_parameters", "_apply_result_selector", "_apply_result_path"):
        patch_points.take(sfn, name)
    for name in ("_apply_jsonata_arguments", "_apply_jsonata_output", "_apply_state_assign"):
        patch_points.take(sfn, name)
    patch_points.take(sfn, "_apply_catcher", "catcher", "raw_input", "ctx", "query_language", "error_output")
    patch_points.take(sfn, "_SFN_WAIT_SCALE")
    patch_points.take(sfn, "_activity_tasks")
    patch_points.replace(sfn, "_execute_task", runner.run_task, "state_def", "raw_input", "execution", "ctx")
    patch_points.replace(
        sfn, "_with_retry_and_catch", runner.retry_and_catch, "state_def", "raw_input", "ctx", "attempt"
    )
    patch_points.replace(sfn, "_scaled_sleep", runner.sleep, "seconds")


class StateRunner:
    """Runs Task states, and any state's attempts under its Retry and Catch."""

    def __init__(self, executions: RunningExecutions, tokens: Any, integrations: Integrations) -> None:
        self.executions = executions
        self._tokens = tokens
        self._integrations = integrations

    def run_task(
        self, state_def: State, raw_input: Any, execution: dict[str, Any], ctx: Context
    ) -> tuple[Any, str | None]:
        """The output and the next state."""
        return self.retry_and_catch(
            state_def, raw_input, ctx, lambda: self._attempt_task(state_def, raw_input, execution, ctx)
        )

    def retry_and_catch(
        self, state_def: State, raw_input: Any, ctx: Context, attempt: Callable[[], tuple[Any, str | None]]
    ) -> tuple[Any, str | None]:
        """Makes attempts until one succeeds, is caught, or fails the execution."""
        state, retries = ctx["State"], Retries(state_def.get("Retry", []))
        while True:
            # Branches leave their own state in the shared context; each attempt starts from this one.
            ctx["State"] = {**state, "RetryCount": retries.count}
            try:
                output, following = attempt()
                data_limits.check_size(output, state["Name"])
                return output, following
            except sfn._ExecutionError as error:
                self._raise_if_ended(error)
                delay_s = retries.next_delay_s(error.error)
                if delay_s is None:
                    return self._catch(state_def, raw_input, ctx, error)
            self.sleep(delay_s)

    def sleep(self, seconds: float) -> None:
        """Sleeps, but not beyond the end of the execution."""
        if self.executions.current().wait(max(0.0, seconds * sfn._SFN_WAIT_SCALE)):
            raise _ended()

    def _raise_if_ended(self, error: Exception) -> None:
        if self.executions.current().is_set():
            raise _ended() from error

    def _catch(self, state_def: State, raw_input: Any, ctx: Context, error: Any) -> tuple[Any, str | None]:
        for catcher in state_def.get("Catch", []):
            if error_matches(catcher.get("ErrorEquals", []), error.error):
                output = {"Error": error.error, "Cause": error.cause}
                language = sfn._state_query_language(state_def, ctx)
                caught = sfn._apply_catcher(catcher, raw_input, ctx, language, output)
                data_limits.check_size(caught, ctx["State"]["Name"])
                return caught, catcher["Next"]
        raise error

    def _attempt_task(
        self, state_def: State, raw_input: Any, execution: dict[str, Any], ctx: Context
    ) -> tuple[Any, str | None]:
        """One attempt; a token is good for one attempt only."""
        try:
            resource = parse_resource(state_def.get("Resource", ""))
            token, outcome = self._tokens.open() if _has_token(resource) else (None, Outcome())
            if resource.waits_for_token:
                ctx["Task"] = {"Token": token}
            try:
                task = _Task(resource, state_def, raw_input, execution, ctx, token)
                data_limits.check_size(task.parameters, ctx["State"]["Name"])
                result = self._run(task, outcome)
            finally:
                if token:
                    self._tokens.close(token)
            return task.output(result), sfn._next_or_end(state_def)
        except TaskError as failure:
            raise sfn._ExecutionError(failure.error, failure.cause) from failure
        except ExecutionEndedError:
            raise _ended() from None

    def _run(self, task: "_Task", outcome: Outcome) -> Any:
        limits = read_limits(task.state, lambda path: data_flow.look_up(path, task.input, task.ctx, path))
        cancelled = threading.Event()
        task.note("TaskScheduled", parameters=json.dumps(task.parameters), region=task.region)
        if task.resource.kind == "activity":
            task.offer_to_workers()
        else:
            self._start_call(task, outcome, cancelled)
        try:
            result = wait_for(outcome, limits, self.executions.current(), task.has_begun)
        except TaskError as failure:
            kind = "TaskTimedOut" if failure.error.endswith("Timeout") else "TaskFailed"
            task.note(kind, error=failure.error, cause=failure.cause)
            raise
        finally:
            cancelled.set()
        task.note("TaskSucceeded", output=json.dumps(result))
        return result

    def _start_call(self, task: "_Task", outcome: Outcome, cancelled: threading.Event) -> None:
        def call() -> None:
            try:
                result = self._integrations.run(
                    task.resource, task.parameters, task.role_arn, task.region, cancelled
                )
            except TaskError as failure:
                outcome.fail(failure)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends this task and no more
                outcome.fail(TaskError("States.Runtime", repr(error)))
            else:
                if not task.resource.waits_for_token:
                    outcome.succeed(result)

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(call,), name="task", daemon=True).start()


@dataclass
class _Task:
    """One attempt of a Task state."""

    resource: Resource
    state: State
    raw_input: Any
    execution: dict[str, Any]
    ctx: Context
    token: str | None

    def __post_init__(self) -> None:
        arguments = (self.state, self.raw_input, self.ctx)
        self._is_jsonata = sfn._state_query_language(self.state, self.ctx) == "JSONata"
        if self._is_jsonata:
            self.input = self.raw_input
            self.parameters = sfn._apply_jsonata_arguments(*arguments)
        else:
            self.input = sfn._apply_input_path(*arguments)
            self.parameters = sfn._apply_parameters(self.state, self.input, self.ctx)
        self._queue_entry = {"taskToken": self.token, "input": json.dumps(self.parameters)}

    @property
    def role_arn(self) -> str:
        return str(machine_of(self.execution)["roleArn"])

    @property
    def region(self) -> str:
        return str(self.execution["executionArn"].split(":")[3])

    def offer_to_workers(self) -> None:
        """Puts the task in its activity's queue, from which GetActivityTask takes it."""
        if self.resource.arn not in sfn._activities:
            raise TaskError("States.Runtime", f"the activity {self.resource.arn} does not exist")
        sfn._activity_tasks[self.resource.arn].append(self._queue_entry)

    def has_begun(self) -> bool:
        """Whether the time of the task runs."""
        return self.resource.kind != "activity" or self._queue_entry not in sfn._activity_tasks.get(
            self.resource.arn, []
        )

    def note(self, event_type: str, **details: str) -> None:
        """Adds an event to the execution's history."""
        resource = self.resource
        service = f"aws-sdk:{resource.service}" if resource.kind == "sdk" else resource.service
        names = {"resourceType": service, "resource": resource.action + resource.pattern}
        key = event_type[0].lower() + event_type[1:] + "EventDetails"
        sfn._add_event(self.execution, event_type, {key: {**names, **details}})

    def output(self, result: Any) -> Any:
        """The state's output. Raises the execution error `States.DataLimitExceeded` for too big a result."""
        data_limits.check_size(result, self.state["Resource"])
        if self._is_jsonata:
            arguments = (self.state, self.raw_input, self.ctx)
            output = sfn._apply_jsonata_output(*arguments, result=result, default=result)
            sfn._apply_state_assign(*arguments, result=result)
        else:
            selected = sfn._apply_result_selector(self.state, result)
            output = sfn._apply_result_path(self.state, self.raw_input, selected)
            output = sfn._apply_output_path(self.state, output, self.ctx)
        return output


def _has_token(resource: Resource) -> bool:
    return resource.waits_for_token or resource.kind == "activity"


def _ended() -> Exception:
    # ministack ends the execution's thread on this; the status has been set already.
    ended: Exception = sfn._ExecutionError("States.Runtime", "the execution has ended")
    return ended
