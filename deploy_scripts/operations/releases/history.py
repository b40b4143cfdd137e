"""The releases of a deployment: the one that is live, those that were, and which of them can be again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import ClientError

from contracts.workflow import WERE_LIVE
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import Live, read_live
from deploy_scripts.operations.runs.ledger import LedgerItem, read_ledger
from functions.common.live_pointer import why_live_model_is_lost

# `watched`: live, and the one before can still take over at once. `kept`: its model can be read; else `gone`.
State = Literal["live", "paused", "watched", "canary", "kept", "gone"]


@dataclass(frozen=True)
class Release:
    """A run whose model has been live. `since` is ISO 8601 in UTC; `accuracy` is a fraction of 1."""

    run_id: str
    dataset: str
    state: State
    status: str
    accuracy: float | None
    release: str | None
    since: str | None
    model_data_uri: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_releases(deployment: Deployment) -> list[Release]:
    """All of them, newest first, and what is watched now."""
    live = read_live(deployment)
    return [
        Release(
            run_id=item.run.run_id,
            dataset=item.run.dataset,
            state=_state(deployment, item, live),
            status=item.run.status,
            accuracy=item.run.accuracy,
            release=item.run.release,
            since=item.run.ended_at,
            model_data_uri=item.model_data_uri,
        )
        for item in read_ledger(deployment)
        if item.run.status in WERE_LIVE or _serves(item, live)
    ]


def watched_run(deployment: Deployment, live: Live | None) -> LedgerItem | None:
    """The run whose release is watched now, wholly live or as a canary."""
    for item in read_ledger(deployment):
        if item.run.status == "running" and _serves(item, live):
            return item
    return None


def request_rollback(deployment: Deployment, run_id: str) -> None:
    """Tell the run that watches its release to take it back. Raises CliError when it has just ended."""
    try:
        deployment.aws.dynamodb.update_item(
            TableName=deployment.ledger_table,
            Key={"run_id": {"S": run_id}},
            UpdateExpression="SET rollback_requested_at = :now",
            ConditionExpression="#status = :running",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":now": {"S": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"},
                ":running": {"S": "running"},
            },
        )
    except ClientError as error:
        if not is_error(error, "ConditionalCheckFailedException"):
            raise
        raise CliError(
            f"The run {run_id} has just ended.", "See `dropserve releases`, then roll back."
        ) from error


def _serves(item: LedgerItem, live: Live | None) -> bool:
    return live is not None and item.run.run_id in {live.run_id, live.canary_run_id}


def _state(deployment: Deployment, item: LedgerItem, live: Live | None) -> State:
    if live and item.run.run_id == live.canary_run_id:
        return "canary"
    if live and item.run.run_id == live.run_id:
        if live.paused_at:
            return "paused"
        return "watched" if item.run.status == "running" else "live"
    return "kept" if _has_model(deployment, item) else "gone"


def _has_model(deployment: Deployment, item: LedgerItem) -> bool:
    """Whether a rollback could read it: what is archived would have to be restored first."""
    if not item.model_data_uri:
        return False
    release = {"release": item.run.release, "model_data_uri": item.model_data_uri}
    lost = why_live_model_is_lost(release, data_bucket=deployment.bucket, s3=deployment.aws.s3)
    return lost is None
