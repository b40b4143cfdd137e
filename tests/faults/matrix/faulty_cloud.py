"""`python -m tests.faults.matrix.faulty_cloud`: the local cloud, whose Tasks fail as told.

All behind a Task is the local cloud's own: what is replaced is the step from a Task to its first API call.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from local_cloud import control
from local_cloud.control import Cloud
from local_cloud.service_integrations import api_calls
from tests.faults.matrix.injection import LONGEST_HOLD_S, Fault, read_faults
from tests.faults.support.stage_programs import ROOT
from tests.support.waiting import wait_until

# A second of a Wait, and between two attempts.
WAIT_SCALE = "0.2"
SAVE_EVERY_S = 20.0
_POLL_S = 0.05


def start(state_dir: Path, containers: Path) -> Cloud:
    """Start one and wait until it is ready; control.stop() ends it."""
    state_dir.mkdir(mode=0o700)
    command = [sys.executable, "-m", "tests.faults.matrix.faulty_cloud", "--port", "0"]
    command += ["--state-dir", str(state_dir), "--containers", str(containers)]
    with (state_dir / "server.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "SFN_WAIT_SCALE": WAIT_SCALE},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cloud = wait_until(lambda: child.poll() is not None or control.find(state_dir))
    assert isinstance(cloud, Cloud), (state_dir / "server.log").read_text()
    return cloud


class Injector:
    """Knows which fault meets which attempt, and makes it happen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._now: ContextVar[tuple[Fault, str] | None] = ContextVar("fault", default=None)

    def install(self) -> None:
        """Wrap the start of a Task's call, and the call itself."""
        # The emulator reads its settings from the environment as it is imported.
        from local_cloud.ministack_adapter.step_functions import executions, states

        self._sfn = states.sfn
        self._start_call = states.StateRunner._start_call
        self._call = api_calls.ApiCalls.call
        self._begin_clock = executions.ExecutionClock.install
        injector = self

        def start_call(runner: Any, task: Any, outcome: Any, cancelled: Any) -> None:
            chosen = injector._choose(task)
            token = injector._now.set(chosen)
            try:
                # Copies the context for the thread that makes the call.
                injector._start_call(runner, task, outcome, cancelled)
            finally:
                injector._now.reset(token)

        def call(calls: Any, resource: Any, *arguments: Any) -> dict[str, Any]:
            chosen = injector._now.get()
            injector._now.set(None)
            if chosen is None:
                return injector._call(calls, resource, *arguments)
            return injector._meet(*chosen, lambda: injector._call(calls, resource, *arguments), resource)

        def begin_clock(clock: Any) -> None:
            injector._clock = clock
            injector._begin_clock(clock)

        states.StateRunner._start_call = start_call
        api_calls.ApiCalls.call = call
        executions.ExecutionClock.install = begin_clock

    def _choose(self, task: Any) -> tuple[Fault, str] | None:
        execution, state = task.execution["executionArn"], task.ctx["State"]["Name"]
        with self._lock:
            before = self._calls[execution, state]
            self._calls[execution, state] += 1
            for fault in read_faults(task.state):
                met = fault.calls is None or fault.skip <= before < fault.skip + fault.calls
                if met and (not fault.since or self._calls[execution, fault.since]):
                    return fault, execution
        return None

    def _meet(self, fault: Fault, execution: str, call: Any, resource: Any) -> dict[str, Any]:
        """The answer of a call that a fault meets, or what it ends in."""
        if fault.effect == "answer":
            is_function = resource.service == "lambda"
            return {"StatusCode": 200, "Payload": json.dumps(fault.result)} if is_function else fault.result
        if fault.effect == "hold":
            _wait_for(Path(fault.until))
        answer = self._make(call) if fault.effect != "refuse" else {}
        if fault.effect in ("refuse", "lose"):
            raise api_calls.TaskError(fault.error, fault.cause)
        time.sleep(fault.after_s)
        if fault.effect == "stop":
            self._sfn._stop_execution({"executionArn": execution})
        elif fault.effect == "time_out":
            self._clock._time_out(self._sfn._executions[execution])
        time.sleep(fault.delay_s)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _make(self, call: Callable[[], dict[str, Any]]) -> Any:
        """Its answer, or its own failure: what meets the call comes all the same."""
        try:
            return call()
        except api_calls.TaskError as failure:
            return failure


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + LONGEST_HOLD_S
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_S)


if __name__ == "__main__":
    # environment.prepare() has to come before the emulator is imported: wrap it.
    from local_cloud import __main__ as server
    from local_cloud.ministack_adapter import environment
    from local_cloud.server import state_saver

    # Nobody takes up what it saved.
    state_saver.SETTLE_S = SAVE_EVERY_S
    prepare = environment.prepare

    def prepare_and_install(*arguments: Any) -> None:
        prepare(*arguments)
        Injector().install()

    environment.prepare = prepare_and_install
    sys.exit(server.main())
