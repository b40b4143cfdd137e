"""A cloud whose Tasks fail as told, one deployment on it for case after case, and what came of them all."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud import control
from local_cloud.control import Cloud
from tests.faults.conftest import clients_of, small_programs
from tests.faults.matrix import faulty_cloud, results
from tests.faults.matrix.cases.case import Case
from tests.faults.matrix.deployment import Deployment
from tests.faults.matrix.trial import UNTOLD, Outcome, Trial
from tests.faults.support.workflow_stage import SharedFunctions
from tests.support.waiting import wait_until


class Trials:
    """One deployment after the other: the next one is made where a case left problems, or a false ledger."""

    def __init__(self, cloud: Cloud, client: Callable[..., Any], functions: SharedFunctions) -> None:
        self._cloud, self._client, self._functions = cloud, client, functions
        self._trial: Trial | None = None

    def run(self, case: Case, broken: Callable[[dict[str, Any]], None] | None = None) -> Outcome:
        """What comes of a case, in a state machine that `broken` has changed."""
        if self._trial is None:
            self._trial = Trial(Deployment(self._client, self._functions, self._cloud.pid))
        trial = self._trial
        trial.deployment.broken = broken
        problems = True
        try:
            outcome = trial.run(case)
            problems = bool(outcome.problems) or case.state in UNTOLD
            return outcome
        finally:
            if problems:
                self.close()

    def close(self) -> None:
        """Remove all that the deployment has left."""
        if self._trial is None:
            return
        trial, self._trial = self._trial, None
        trial.close()
        deployment, states = trial.deployment, self._client("stepfunctions")
        for machine in states.list_state_machines()["stateMachines"]:
            for execution in states.list_executions(
                stateMachineArn=machine["stateMachineArn"], statusFilter="RUNNING"
            )["executions"]:
                states.stop_execution(executionArn=execution["executionArn"])
        for endpoint in deployment.standing()["endpoint"]:
            # One that is being created cannot be deleted yet.
            wait_until(lambda name=endpoint: self._deleted(name))
        running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        for found in self._client("ec2").describe_instances(Filters=running)["Reservations"]:
            ids = [instance["InstanceId"] for instance in found["Instances"]]
            self._client("ec2").terminate_instances(InstanceIds=ids)
        deployment.bench.close()

    def _deleted(self, endpoint: str) -> bool:
        sagemaker = self._client("sagemaker")
        with suppress(ClientError):
            sagemaker.delete_endpoint(EndpointName=endpoint)
        return endpoint not in [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]]


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("faulty")
    cloud = faulty_cloud.start(folder / "state", small_programs(folder))
    yield cloud
    control.stop(folder / "state")


@pytest.fixture(scope="session")
def functions(faulty: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedFunctions]:
    shared = SharedFunctions(clients_of(faulty), tmp_path_factory.mktemp("answers"))
    yield shared
    shared.bench.close()


@pytest.fixture(scope="session")
def trials(faulty: Cloud, functions: SharedFunctions) -> Iterator[Trials]:
    made = Trials(faulty, clients_of(faulty), functions)
    yield made
    made.close()


# -- the results: of the process that hears of every test

_seen: list[results.Outcome] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that an interrupted session of this revision has seen."""
    done = {told["name"] for part, told in _kept(items) if part == "cases"}
    seen = [each for each in items if (group := _group(each)) and group <= done]
    config.hook.pytest_deselected(items=seen)
    items[:] = [each for each in items if each not in seen]


def _kept(items: list[pytest.Item]) -> list[results.Outcome]:
    return results.kept() if any(each.path.name == "every_case.py" for each in items) else []


def _group(item: pytest.Item) -> set[str]:
    """The names of the cases of a test; none of another kind of test."""
    callspec = getattr(item, "callspec", None)
    return {case.name for case in callspec.params.get("group", ())} if callspec else set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    # A worker tells the process that started it, which hears of all.
    if report.when != "call" or "PYTEST_XDIST_WORKER" in os.environ:
        return
    for outcome in (value for name, value in report.user_properties if name == results.PROPERTY):
        part, told = outcome
        _seen.append((part, told))
        results.keep((part, told))


def pytest_sessionfinish() -> None:
    if not _seen:
        return
    results.write(results.with_earlier(_seen))
