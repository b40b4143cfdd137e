"""The runs of a deployment, as its ledger table tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from contracts.workflow import DEPLOY_LOCK_ID, Status
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.failures import readable_reason
from drops.keys import dataset_of
from functions.janitor.runs import find_end

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


@dataclass(frozen=True)
class Run:
    """One row of the ledger. Times are ISO 8601 strings in UTC; `accuracy` is a fraction of 1."""

    run_id: str
    dataset: str
    source: str
    backend: str | None
    status: Status
    reason: str | None
    accuracy: float | None
    release: str | None
    started_at: str
    ended_at: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class LedgerItem:
    """A run, and where it comes from."""

    run: Run
    execution_arn: str
    bucket: str
    key: str
    version_id: str
    model_data_uri: str | None = None

    @property
    def started_at(self) -> datetime:
        """The beginning of time where the ledger does not tell."""
        try:
            return datetime.fromisoformat(self.run.started_at)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)


def read_ledger(deployment: Deployment) -> list[LedgerItem]:
    """Every run, newest first. A run whose execution is gone does not stay `running`."""
    pages = deployment.aws.dynamodb.get_paginator("scan").paginate(
        TableName=deployment.ledger_table, ConsistentRead=True
    )
    items = [_to_item(raw) for page in pages for raw in page["Items"] if raw["run_id"]["S"] != DEPLOY_LOCK_ID]
    items.sort(key=lambda item: item.run.started_at, reverse=True)
    return [_checked(deployment, item) if item.run.status == "running" else item for item in items]


def find_item(deployment: Deployment, run_id: str | None) -> LedgerItem:
    """The run whose id begins so, or the newest one. Raises CliError for none or several."""
    items = read_ledger(deployment)
    if not items:
        raise CliError("There is no run yet.", "Drop a dataset: `dropserve drop photos.zip`.")
    if run_id is None:
        return items[0]
    found = [item for item in items if item.run.run_id.startswith(run_id)]
    if len(found) != 1:
        how_many = "No run has" if not found else f"{len(found)} runs have"
        raise CliError(f"{how_many} an id that begins with {run_id}.", "See them all: `dropserve runs`.")
    return found[0]


def read_item(deployment: Deployment, run_id: str) -> LedgerItem:
    """The run of this whole id, which costs one read. Raises CliError when there is none."""
    answer = deployment.aws.dynamodb.get_item(
        TableName=deployment.ledger_table, Key={"run_id": {"S": run_id}}, ConsistentRead=True
    )
    if "Item" not in answer or run_id == DEPLOY_LOCK_ID:
        raise CliError(f"There is no run {run_id}.", "See them all: `dropserve runs`.")
    item = _to_item(answer["Item"])
    return _checked(deployment, item) if item.run.status == "running" else item


def _checked(deployment: Deployment, item: LedgerItem) -> LedgerItem:
    """The item, with the truth about a run that could not write its own end: stopped, or cut off."""
    end = find_end(item.execution_arn, stepfunctions=deployment.aws.stepfunctions)
    if end is None:
        return item
    ended_at = end.at.isoformat() if end.at else None
    return replace(item, run=replace(item.run, status="failed", reason=end.reason, ended_at=ended_at))


def _to_item(raw: Mapping[str, AttributeValueTypeDef]) -> LedgerItem:
    def text(name: str) -> str | None:
        return raw.get(name, {}).get("S") or None

    accuracy = raw.get("accuracy", {}).get("N")
    reason = text("reason")
    key = text("drop_key") or ""
    run = Run(
        run_id=raw["run_id"]["S"],
        dataset=text("dataset") or dataset_of(key),
        source=text("source") or "",
        backend=text("backend"),
        status=cast(Status, text("status") or "running"),
        reason=readable_reason(reason) if reason else None,
        accuracy=None if accuracy is None else float(accuracy),
        release=text("release"),
        started_at=text("started_at") or "",
        ended_at=text("ended_at"),
    )
    return LedgerItem(
        run=run,
        execution_arn=text("execution_arn") or "",
        bucket=text("bucket") or "",
        key=key,
        version_id=text("version_id") or "",
        model_data_uri=text("model_data_uri"),
    )
