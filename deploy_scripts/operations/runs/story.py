"""How a run went: its states with their times and tries, what training cost, and where the reports are."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import (
    AUDIT_PAGE,
    DOCTOR,
    INSPECTION,
    METRICS,
    MODEL_CARD,
    PLAN,
    REPORT,
    REVIEW,
    VERDICT,
    run_key,
)
from deploy_scripts.errors import is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.executions import ExecutionFollower, Step
from deploy_scripts.operations.runs.failures import (
    expected_answer,
    is_nothing_to_take_down,
    readable_failure,
)
from deploy_scripts.operations.runs.ledger import LedgerItem
from deploy_scripts.operations.s3_documents import read_json

REPORTS = (INSPECTION, PLAN, METRICS, REPORT, MODEL_CARD, DOCTOR, REVIEW, VERDICT, AUDIT_PAGE)
# What works or waits; the others take no time.
_KINDS = {"Task", "Wait"}


@dataclass
class StateTime:
    """One state of a run. `entered` counts how often the run came to it, `failed_tries` what was retried."""

    state: str
    first_entered_at: str
    seconds: float = 0.0
    entered: int = 0
    failed_tries: int = 0
    last_failure: str = ""


@dataclass(frozen=True)
class RunStory:
    """`training_usd` is an estimate by list prices, from the plan; None where nothing was planned."""

    states: list[StateTime]
    training_usd: float | None
    reports: list[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_story(deployment: Deployment, item: LedgerItem) -> RunStory:
    """Of an execution that AWS does not know any more (after 90 days), no states."""
    try:
        steps = ExecutionFollower(deployment, item.execution_arn).read_new()
    except ClientError as error:
        if not is_error(error, "ExecutionDoesNotExist", "InvalidArn"):
            raise
        steps = []
    reports = list_reports(deployment, item.run.run_id)
    return RunStory(state_times(steps), _training_usd(deployment, reports), reports)


def state_times(steps: Iterable[Step]) -> list[StateTime]:
    """The states in the order in which the run first came to them."""
    found: dict[str, StateTime] = {}
    entered: dict[str, datetime] = {}
    for step in steps:
        if step.kind not in _KINDS:
            continue
        if step.event == "entered":
            state = found.setdefault(step.state, StateTime(step.state, step.at.isoformat()))
            state.entered += 1
            entered[step.state] = step.at
        elif step.event == "failed" and not _is_no_fault(step):
            found[step.state].failed_tries += 1
            found[step.state].last_failure = readable_failure(step.error, step.cause)
        elif step.event == "left":
            found[step.state].seconds += (step.at - entered[step.state]).total_seconds()
    return list(found.values())


def _is_no_fault(step: Step) -> bool:
    return bool(expected_answer(step.state, step.error)) or is_nothing_to_take_down(step.state, step.cause)


def _training_usd(deployment: Deployment, reports: list[str]) -> float | None:
    """Raises CliError for a plan that cannot be understood."""
    for uri in reports:
        if uri.endswith(f"/{PLAN}"):
            usd = read_json(deployment, uri).get("estimate", {}).get("training_cost_usd")
            return usd if isinstance(usd, int | float) else None
    return None


def list_reports(deployment: Deployment, run_id: str) -> list[str]:
    """Addresses of what the run has written so far."""
    listing = deployment.aws.s3.list_objects_v2(Bucket=deployment.bucket, Prefix=run_key(run_id))
    there = {each["Key"] for each in listing.get("Contents", [])}
    wanted = [run_key(run_id, name) for name in REPORTS]
    return [f"s3://{deployment.bucket}/{key}" for key in wanted if key in there]
