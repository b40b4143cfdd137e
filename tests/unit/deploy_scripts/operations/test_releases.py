"""The releases that there were, and the way back to them."""

import json
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.operations.releases.history import read_releases, request_rollback, watched_run
from deploy_scripts.operations.releases.live import read_live
from tests.unit.deploy_scripts.operations.test_run_ledger import execution

MODEL = "s3://dropserve-data/runs/{}/training/job/output/model.tar.gz"
LIVE, OLD, GONE, CANARY = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
MODEL_KEY = MODEL.format(OLD).removeprefix("s3://dropserve-data/")


def item(stubbed: Any, run_id: str, status: str, started_at: str) -> dict[str, Any]:
    row: dict[str, Any] = stubbed.ledger_item(
        run_id=run_id, status=status, started_at=started_at, release=f"dropserve-{run_id}", accuracy="0.9"
    )
    return {**row, "model_data_uri": {"S": MODEL.format(run_id)}}


def pointer(stubbed: Any, **more: Any) -> None:
    value = {"release": f"dropserve-{LIVE}", "endpoint_name": f"dropserve-{LIVE}", "run_id": LIVE}
    value |= {
        "model_data_uri": MODEL.format(LIVE),
        "accuracy": 0.9,
        "exposed_at": "2026-11-22T12:00:00Z",
        **more,
    }
    stubbed.answer("ssm", "get_parameter", {"Parameter": {"Value": json.dumps(value)}})


def ledger(stubbed: Any, *, live_status: str = "live", **more: str) -> None:
    rows = [
        item(stubbed, LIVE, live_status, "2026-11-22T10:00:00Z"),
        item(stubbed, OLD, "replaced", "2026-11-21T10:00:00Z"),
        item(stubbed, GONE, "rolled_back", "2026-11-20T10:00:00Z"),
        item(stubbed, "e" * 32, "champion_kept", "2026-11-19T10:00:00Z"),
        *(item(stubbed, CANARY, status, "2026-11-23T10:00:00Z") for status in more.values()),
    ]
    stubbed.answer("dynamodb", "scan", {"Items": rows})


def models(stubbed: Any) -> None:
    """Of the former releases; the last one's is gone."""
    model_listed(stubbed, StorageClass="STANDARD")
    stubbed.answer("s3", "list_objects_v2", {})


def model_listed(stubbed: Any, **attributes: str) -> None:
    """The model of OLD, in the answer to a listing."""
    asked = {"Bucket": "dropserve-data", "Prefix": MODEL_KEY, "MaxKeys": 1}
    stubbed.answer("s3", "list_objects_v2", {"Contents": [{"Key": MODEL_KEY, **attributes}]}, **asked)


def test_live_kept_and_gone_releases_are_told_apart(stubbed: Any) -> None:
    pointer(stubbed)
    ledger(stubbed)
    models(stubbed)
    found = read_releases(stubbed.deployment)
    assert [(each.run_id, each.state, each.status) for each in found] == [
        (LIVE, "live", "live"),
        (OLD, "kept", "replaced"),
        (GONE, "gone", "rolled_back"),
    ]


@pytest.mark.parametrize(
    ("storage_class", "state"),
    [("STANDARD_IA", "kept"), ("GLACIER_IR", "kept"), ("GLACIER", "gone"), ("DEEP_ARCHIVE", "gone")],
)
def test_a_release_whose_model_is_archived_is_gone(stubbed: Any, storage_class: str, state: str) -> None:
    pointer(stubbed)
    rows = [item(stubbed, OLD, "replaced", "2026-11-21T10:00:00Z")]
    stubbed.answer("dynamodb", "scan", {"Items": rows})
    model_listed(stubbed, StorageClass=storage_class)
    assert [each.state for each in read_releases(stubbed.deployment)] == [state]


def test_a_release_that_is_watched_says_so(stubbed: Any) -> None:
    pointer(stubbed)
    ledger(stubbed, live_status="running")
    stubbed.answer("stepfunctions", "describe_execution", execution(stubbed, "RUNNING"))
    models(stubbed)
    assert [each.state for each in read_releases(stubbed.deployment)] == ["watched", "kept", "gone"]


def test_a_canary_is_listed_before_it_is_live(stubbed: Any) -> None:
    canary = {"run_id": CANARY, "release": "x", "endpoint_name": "x", "share": 0.1}
    pointer(stubbed, canary=canary)
    ledger(stubbed, canary="running")
    stubbed.answer("stepfunctions", "describe_execution", execution(stubbed, "RUNNING"))
    models(stubbed)
    states = {each.run_id: each.state for each in read_releases(stubbed.deployment)}
    assert states == {CANARY: "canary", LIVE: "live", OLD: "kept", GONE: "gone"}


def test_only_a_run_that_goes_on_is_watched(stubbed: Any) -> None:
    pointer(stubbed)
    ledger(stubbed)
    assert watched_run(stubbed.deployment, read_live(stubbed.deployment)) is None


def test_a_watch_that_has_just_ended_takes_no_request(stubbed: Any) -> None:
    stubbed.refuse("dynamodb", "update_item", "ConditionalCheckFailedException")
    with pytest.raises(CliError, match="has just ended"):
        request_rollback(stubbed.deployment, LIVE)


def test_a_watched_release_goes_back_one_way_only(stubbed: Any, invoke: Any) -> None:
    pointer(stubbed, previous={"run_id": OLD, "endpoint_name": f"dropserve-{OLD}"})
    ledger(stubbed, live_status="running")
    stubbed.answer("stepfunctions", "describe_execution", execution(stubbed, "RUNNING"))
    error = invoke("rollback", "--to", GONE[:8]).exception
    assert isinstance(error, CliError)
    assert f"goes back to run {OLD} only" in error.message


@pytest.mark.parametrize(("live", "message"), [(True, "is the first one"), (False, "No release is live")])
def test_with_nothing_before_there_is_no_way_back(
    stubbed: Any, invoke: Any, live: bool, message: str
) -> None:
    if live:
        pointer(stubbed)
    else:
        stubbed.refuse("ssm", "get_parameter", "ParameterNotFound")
    ledger(stubbed)
    error = invoke("rollback").exception
    assert isinstance(error, CliError)
    assert message in error.message


def test_the_list_of_releases_is_a_table(stubbed: Any, invoke: Any) -> None:
    pointer(stubbed)
    ledger(stubbed)
    models(stubbed)
    output = invoke("releases").stdout
    assert [line.split()[0] for line in output.splitlines() if line[:8].strip() in {"aaaaaaaa", "bbbbbbbb"}]
    assert "kept" in output and "gone" in output
