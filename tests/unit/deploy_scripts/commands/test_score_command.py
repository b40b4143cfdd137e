"""`dropserve score`: counted and priced before it starts, followed, fetched, and taken up again."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody

from contracts.scoring import MAX_PHOTOS
from deploy_scripts.commands.releases import score as score_command
from deploy_scripts.costs.scoring import ASSUMED, Pace, Scoring, scoring_cost
from deploy_scripts.errors import CliError
from deploy_scripts.operations.scoring.jobs import Job, find_job, follow, running_execution
from deploy_scripts.operations.scoring.pace import read_pace

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:dropserve-photo-scoring"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:dropserve-photo-scoring:job-1-2"
PLACE = "s3://dropserve-data/photos/autumn/"
JOB = Job("job-1", "dropserve-data", "photos/autumn/", 3)
SUMMARY = {
    "job": "job-1",
    "photos_at": PLACE,
    "results_at": "s3://dropserve-data/scores/job-1/",
    "photos": 3,
    "scored": 2,
    "failures": {"not_an_image": 1},
    "again": 0,
    "releases": {"dropserve-1": 2},
    "joined_at": "2026-01-31T12:00:00+00:00",
}
POINTER = {
    "release": "dropserve-1",
    "endpoint_name": "dropserve-1",
    "run_id": "1",
    "model_data_uri": "s3://dropserve-data/runs/1/model.tar.gz",
    "accuracy": 0.9,
    "exposed_at": "2026-01-31T12:00:00Z",
}
MOMENT = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that results were fetched to; nothing waits, and a job's id is known before."""
    folders: list[Path] = []

    def download(deployment: Any, job: Job, folder: Path) -> list[Path]:
        folders.append(folder)
        return []

    monkeypatch.setattr(score_command, "download", download)
    monkeypatch.setattr(score_command, "new_job_id", lambda: "job-1")
    monkeypatch.setattr("deploy_scripts.local_target.wait_until_saved", lambda: None)
    monkeypatch.setattr("deploy_scripts.operations.scoring.jobs.time.sleep", lambda _: None)
    return folders


def objects(*sizes: int) -> dict[str, Any]:
    contents = [{"Key": f"photos/autumn/{number}.jpg", "Size": size} for number, size in enumerate(sizes)]
    return {"Contents": contents, "KeyCount": len(sizes), "IsTruncated": False}


def a_live_model(stubbed: Any, **fields: Any) -> None:
    stubbed.answer("ssm", "get_parameter", {"Parameter": {"Value": json.dumps({**POINTER, **fields})}})


def an_endpoint(stubbed: Any) -> None:
    variant = {"VariantName": "AllTraffic", "CurrentInstanceCount": 2}
    common = {"EndpointArn": "arn:aws:sagemaker:us-east-1:000000000000:endpoint/dropserve-1"}
    times = {"CreationTime": MOMENT, "LastModifiedTime": MOMENT, "EndpointStatus": "InService"}
    names = {"EndpointName": "dropserve-1", "EndpointConfigName": "dropserve-1"}
    described = {**common, **times, **names, "ProductionVariants": [variant]}
    stubbed.answer("sagemaker", "describe_endpoint", described)
    config = {
        "EndpointConfigName": "dropserve-1",
        "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/dropserve-1",
        "CreationTime": MOMENT,
        "ProductionVariants": [
            {"VariantName": "AllTraffic", "ModelName": "dropserve-1", "InstanceType": "ml.m6g.large"}
        ],
    }
    stubbed.answer("sagemaker", "describe_endpoint_config", config)


def an_execution(stubbed: Any, *statuses: str, **fields: Any) -> None:
    for status in statuses:
        described = {
            "executionArn": EXECUTION,
            "stateMachineArn": MACHINE,
            "status": status,
            "startDate": MOMENT,
            **(fields if status != "RUNNING" else {}),
        }
        stubbed.answer("stepfunctions", "describe_execution", described)
        if status == "RUNNING":
            stubbed.answer("stepfunctions", "list_map_runs", {"mapRuns": []})


def started(stubbed: Any) -> None:
    stubbed.answer("stepfunctions", "list_executions", {"executions": []})
    stubbed.answer("stepfunctions", "start_execution", {"executionArn": EXECUTION, "startDate": MOMENT})


def test_photos_are_counted_priced_and_scored(invoke: Any, stubbed: Any, fetched: list[Path]) -> None:
    a_live_model(stubbed)
    stubbed.answer("s3", "list_objects_v2", objects(10, 20, 30))
    an_endpoint(stubbed)
    stubbed.answer("s3", "put_object", {})
    started(stubbed)
    an_execution(stubbed, "RUNNING", "SUCCEEDED", output=json.dumps(SUMMARY))

    result = invoke("score", PLACE, "--yes")

    assert result.exit_code == 0, result.output
    assert "3 photos" in result.output and "endpoint at work: 2 x ml.m6g.large" in result.output
    assert "2 of 3 photos scored" in result.output and "1 failed: not_an_image" in result.output
    assert fetched == [Path("job-1")]
    stubbed.assert_all_asked()


def test_nothing_starts_without_a_yes(
    invoke: Any, stubbed: Any, fetched: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_live_model(stubbed)
    stubbed.answer("s3", "list_objects_v2", objects(10))
    an_endpoint(stubbed)
    monkeypatch.setattr("deploy_scripts.screen.Screen.confirm", lambda self, question: False)
    assert invoke("score", PLACE).exit_code != 0
    assert not fetched


def test_a_release_that_changed_and_photos_without_a_result_are_told(invoke: Any, stubbed: Any) -> None:
    stored = json.dumps({**vars(JOB), "photos": 5}).encode()
    stubbed.answer(
        "s3", "get_object", {"Body": _body(stored)}, Bucket="dropserve-data", Key="scores/job-1/job.json"
    )
    started(stubbed)
    changed = {**SUMMARY, "releases": {"dropserve-1": 1, "dropserve-2": 1}}
    an_execution(stubbed, "SUCCEEDED", output=json.dumps(changed))
    output = invoke("score", "--resume", "job-1").output
    assert "The live release changed meanwhile" in output and "2 photos have no result" in output
    assert "dropserve score --resume job-1" in output


def _body(content: bytes) -> Any:
    return StreamingBody(io.BytesIO(content), len(content))


def test_a_job_that_goes_on_is_followed_and_not_started_twice(stubbed: Any) -> None:
    common = {"stateMachineArn": MACHINE, "status": "RUNNING", "startDate": MOMENT}
    running = [
        {"executionArn": f"{EXECUTION}0", "name": "job-10-20260131T120000", **common},
        {"executionArn": EXECUTION, "name": "job-1-20260131T120000", **common},
    ]
    stubbed.answer("stepfunctions", "list_executions", {"executions": running})
    assert running_execution(stubbed.deployment, JOB) == EXECUTION


def test_an_end_that_is_no_success_is_an_error(stubbed: Any) -> None:
    an_execution(stubbed, "FAILED", error="NoLiveModel", cause="No model is live.")
    with pytest.raises(CliError, match="NoLiveModel: No model is live"):
        follow(stubbed.deployment, EXECUTION, lambda _: None)


def test_ctrl_c_leaves_the_job_running(
    invoke: Any, stubbed: Any, fetched: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    stubbed.answer("s3", "get_object", {"Body": _body(json.dumps(vars(JOB)).encode())})
    started(stubbed)
    monkeypatch.setattr(score_command, "follow", interrupted)
    result = invoke("score", "--resume", "job-1")
    assert result.exit_code == 130
    assert "dropserve score --resume job-1" in result.output and not fetched


@pytest.mark.parametrize("job_id", ["nowhere", "../x", "\x1b[31m"])
def test_a_job_that_is_not_there_is_told(stubbed: Any, job_id: str) -> None:
    stubbed.refuse("s3", "get_object", "NoSuchKey")
    with pytest.raises(CliError, match="no scoring job"):
        find_job(stubbed.deployment, job_id)


@pytest.mark.parametrize(
    "place",
    [
        "photos",
        "/home/me/photos",
        "https://example.com/a",
        "s3://dropserve-data/",
        "s3://dropserve-data/runs/",
    ],
)
def test_a_place_that_cannot_be_scored_is_told_with_what_to_do(invoke: Any, place: str) -> None:
    error = invoke("score", place).exception
    assert isinstance(error, CliError) and "photos/NAME/" in error.advice


def test_neither_or_both_of_place_and_job_is_an_error(invoke: Any) -> None:
    for arguments in ([], [PLACE, "--resume", "job-1"]):
        assert isinstance(invoke("score", *arguments).exception, CliError)


def test_without_a_live_model_nothing_is_counted(invoke: Any, stubbed: Any) -> None:
    stubbed.refuse("ssm", "get_parameter", "ParameterNotFound")
    assert "No model is live" in str(invoke("score", PLACE).exception)


def test_a_paused_deployment_is_told(invoke: Any, stubbed: Any) -> None:
    a_live_model(stubbed, paused_at="2026-01-31T12:00:00Z")
    assert "paused" in str(invoke("score", PLACE).exception)


def test_an_empty_prefix_is_an_error(invoke: Any, stubbed: Any) -> None:
    a_live_model(stubbed)
    stubbed.answer(
        "s3", "list_objects_v2", {"KeyCount": 0, "Contents": [{"Key": "photos/autumn/", "Size": 0}]}
    )
    assert "nothing under" in str(invoke("score", PLACE).exception)


def test_what_is_paid_grows_with_the_photos() -> None:
    def total(photos: int) -> float:
        work = Scoring(photos, photos * 100_000, "ml.m6g.large", 1)
        return sum(each.usd or 0.0 for each in scoring_cost(work))

    assert 0 < total(100) < total(10_000) < total(MAX_PHOTOS)


def test_each_batch_is_two_transitions_and_a_call() -> None:
    work = Scoring(10_000, 1_500_000_000, "ml.m6g.large", 1)
    found = {each.name: each.quantity for each in scoring_cost(work)}
    assert found["calls of functions"] == 26
    assert found["state transitions"] == 57
    assert found["reads of photos and parts"] == 10_025
    assert found["photos to the endpoint"] == pytest.approx(2.0)
    assert found["parts of the result, and listings"] == 70


def test_every_line_has_a_price() -> None:
    for instance_type in ("ml.m6g.large", None):
        work = Scoring(10_000, 1_500_000_000, instance_type, 1)
        assert all(each.usd for each in scoring_cost(work))


def a_review(account: Any, **fields: Any) -> None:
    """Of an endpoint whose instance answers 2,400 requests a minute; read before the pace is asked for."""
    review = {
        "reviewed_at": "2026-01-31T06:00:00Z",
        "endpoint_name": "dropserve-1",
        "instance_type": "ml.m6g.large",
        "traffic": {"instance_capacity": 2400},
        **fields,
    }
    listed = {"Contents": [{"Key": "reviews/capacity/2026-01-31T06-00-00Z.json", "Size": 9}]}
    account.answer("s3", "list_objects_v2", {**listed, "KeyCount": 1, "IsTruncated": False})
    account.answer("s3", "get_object", {"Body": _body(json.dumps(review).encode())})


def test_the_pace_is_that_of_the_last_capacity_review(account: Any) -> None:
    a_review(account)
    pace = read_pace(account.deployment, "dropserve-1", "ml.m6g.large")
    assert pace == Pace(40.0, "by the capacity review of 2026-01-31T06:00:00Z")
    work = Scoring(10_000, 1, "ml.m6g.large", 2, pace=pace)
    assert work.duration_s == 125
    assert any(
        "40 photos a second and instance by the capacity review" in each.note for each in scoring_cost(work)
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"endpoint_name": "dropserve-0"},
        {"instance_type": "ml.c7g.large"},
        {"traffic": {"instance_capacity": None}},
    ],
)
def test_a_review_of_something_else_gives_no_pace(account: Any, fields: dict[str, Any]) -> None:
    a_review(account, **fields)
    assert read_pace(account.deployment, "dropserve-1", "ml.m6g.large") == ASSUMED


def test_without_a_review_the_pace_is_assumed(account: Any) -> None:
    account.answer("s3", "list_objects_v2", {"KeyCount": 0, "IsTruncated": False})
    assert read_pace(account.deployment, "dropserve-1", "ml.m6g.large") == ASSUMED


def test_this_machines_pace_says_nothing_of_aws(stubbed: Any) -> None:
    assert read_pace(stubbed.deployment, "dropserve-1", "ml.m6g.large") == ASSUMED


def test_a_serverless_endpoint_is_paid_by_its_time() -> None:
    names = [each.name for each in scoring_cost(Scoring(100, 1, None, 1))]
    assert "time of the serverless endpoint" in names
