"""Drops without a run: found by S3 and the ledger alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.workflow import DROP_TOKEN
from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.operations.drops.unstarted import UnstartedDrop, find_unstarted_drops, start_drop
from deploy_scripts.operations.runs.ledger import read_ledger
from deploy_scripts.project import TEMPLATE

DROPPED_AT = datetime(2026, 11, 22, 10, 0, 0, 400_000, tzinfo=UTC)


def _find(stubbed: Any, *items: Any, at: datetime = DROPPED_AT, **options: Any) -> list[UnstartedDrop]:
    stubbed.answer("dynamodb", "scan", {"Items": list(items)})
    stubbed.answer("s3", "list_objects_v2", {"Contents": [{"Key": "drops/food.zip", "LastModified": at}]})
    return find_unstarted_drops(stubbed.deployment, read_ledger(stubbed.deployment), **options)


def test_a_drop_that_the_ledger_does_not_know_is_found(stubbed: Any) -> None:
    (found,) = _find(stubbed, stubbed.ledger_item(drop_key="drops/other.zip"))
    assert found == UnstartedDrop("drops/food.zip", DROPPED_AT)
    assert found.command == "dropserve run --key drops/food.zip"


@pytest.mark.parametrize(
    ("item", "is_found"),
    [
        ({"started_at": "2026-11-22T10:00:01.000Z"}, False),
        # S3 tells whole seconds, the ledger parts of them.
        ({"started_at": "2026-11-22T10:00:00.100Z"}, False),
        ({"started_at": "2026-11-22T10:00:01.000Z", "status": "rejected"}, False),
        # The key was dropped again, and only the version before had its run.
        ({"started_at": "2026-11-22T09:59:00.000Z"}, True),
        ({"started_at": "2026-11-22T10:00:01.000Z", "status": "superseded"}, True),
        ({"started_at": "2026-11-22T10:00:01.000Z", "status": "duplicate"}, True),
        ({"started_at": "2026-11-22T10:00:01.000Z", "bucket": "another"}, True),
    ],
)
def test_a_run_counts_that_began_after_the_drop(stubbed: Any, item: dict[str, str], is_found: bool) -> None:
    assert bool(_find(stubbed, stubbed.ledger_item(**item))) is is_found


def test_a_drop_of_this_moment_may_still_get_its_run(stubbed: Any) -> None:
    assert not _find(stubbed, at=datetime.now(UTC))
    assert _find(stubbed, at=datetime.now(UTC), event_delay=timedelta(0))


def test_a_drop_is_started_as_its_event_would(stubbed: Any) -> None:
    stubbed.answer("s3", "head_object", {"VersionId": "v2", "LastModified": DROPPED_AT})
    started = {
        "executionArn": stubbed.execution_arn,
        "startDate": DROPPED_AT,
    }
    stubbed.answer("stepfunctions", "start_execution", started)
    start_drop(stubbed.deployment, UnstartedDrop("drops/food.zip", DROPPED_AT))
    stubbed.assert_all_asked()


def test_the_token_is_that_of_the_rule() -> None:
    rule = read_template(TEMPLATE)["Resources"]["DropRule"]["Properties"]["Targets"][0]
    assert f'"idempotency_token": "{DROP_TOKEN}"' in rule["InputTransformer"]["InputTemplate"]
