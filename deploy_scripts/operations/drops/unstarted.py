"""Drops that lie in S3 and have no run: their event was lost, or the record of their run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.workflow import DROP_TOKEN
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.keys import drops_by_time
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.ledger import LedgerItem

# EventBridge tells of an object within seconds; a few minutes are rare.
EVENT_DELAY = timedelta(minutes=10)
# These began no run of the version that they name: another one did, or a newer one was to.
_NO_RUN_OF_ITS_OWN = {"duplicate", "superseded"}


@dataclass(frozen=True)
class UnstartedDrop:
    """The newest version of a key, dropped at `dropped_at`."""

    key: str
    dropped_at: datetime

    @property
    def command(self) -> str:
        """What starts its run."""
        return f"dropserve run --key {shlex.quote(self.key)}"


def find_unstarted_drops(
    deployment: Deployment, items: Sequence[LedgerItem], *, event_delay: timedelta = EVENT_DELAY
) -> list[UnstartedDrop]:
    """Zips and markers below drops/ whose newest version no run of the ledger began after, oldest first.

    One younger than `event_delay` may still get its run by itself, and is left out.
    """
    last_start: dict[str, datetime] = {}
    for item in items:
        if item.bucket == deployment.bucket and item.run.status not in _NO_RUN_OF_ITS_OWN:
            last_start[item.key] = max(item.started_at, last_start.get(item.key, item.started_at))
    newest_taken = datetime.now(UTC) - event_delay
    return [
        UnstartedDrop(key, at)
        for key, at in sorted(drops_by_time(deployment, deployment.bucket).items(), key=lambda drop: drop[1])
        # S3 tells whole seconds.
        if at <= newest_taken and (key not in last_start or last_start[key] < at.replace(microsecond=0))
    ]


def start_drop(deployment: Deployment, drop: UnstartedDrop) -> None:
    """Start the run that the drop's event would have started.

    Should the event come all the same, one of the two runs is a duplicate: their id is the same.
    """
    head = deployment.aws.s3.head_object(Bucket=deployment.bucket, Key=drop.key)
    start_execution(
        deployment,
        {
            "source": "drop",
            "idempotency_token": DROP_TOKEN,
            "bucket": deployment.bucket,
            "key": drop.key,
            "version_id": head.get("VersionId", ""),
            "event_time": f"{head['LastModified']:%Y-%m-%dT%H:%M:%SZ}",
        },
    )
