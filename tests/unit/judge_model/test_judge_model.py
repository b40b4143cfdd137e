"""The judgement from output.tar.gz to verdict.json."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from functions.common.documents import parse_document
from functions.common.errors import DocumentError, SettingsError
from functions.common.live_pointer import PointerError, read_live_pointer
from functions.common.observability import metrics as powertools_metrics
from functions.judge_model import handler as handler_module
from functions.judge_model import s3_artifacts
from functions.judge_model.artifact import ArtifactError
from functions.judge_model.judging import judge_model
from functions.judge_model.settings import Settings
from tests.support.lambda_context import LambdaContext
from tests.unit.judge_model.trainings import (
    ACCEPTANCE,
    BUCKET,
    FOLDER,
    LIVE,
    LIVE_OBJECT,
    RUN_ID,
    Bucket,
    beside_champion,
    make_metrics,
    make_tar,
)


@pytest.fixture
def bucket():
    return Bucket()


class Endpoints:
    """SageMaker with at most one endpoint, that of the live release."""

    def __init__(self):
        self.status = "InService"
        self.error = ClientError(
            {"Error": {"Code": "ValidationException", "Message": 'Could not find endpoint "arn:aws:x".'}},
            "DescribeEndpoint",
        )

    def describe_endpoint(self, EndpointName):  # noqa: N803 - as boto3 has it
        assert EndpointName == LIVE["endpoint_name"]
        if not self.status:
            raise self.error
        return {"EndpointStatus": self.status}


@pytest.fixture
def endpoints():
    return Endpoints()


@pytest.fixture
def judge(bucket, endpoints):
    """judge(metrics, live=..., champion=...) leaves a training in the bucket and judges it."""

    def run(
        metrics=None,
        *,
        live=None,
        champion=None,
        packed=None,
        uri=f"s3://{BUCKET}/{FOLDER}/model.tar.gz",
        acceptance=ACCEPTANCE,
    ):
        files = {
            "metrics.json": json.dumps(metrics or make_metrics()).encode(),
            "report.html": b"<p>report",
            "acceptance.json": json.dumps(acceptance).encode(),
            "acceptance/00.jpg": b"\xff\xd8photo",
            "test_predictions.jsonl": b"{}\n",
        }
        if packed != b"":
            bucket.objects[f"{FOLDER}/output.tar.gz"] = packed or make_tar(files)
        return judge_model(
            request_for(champion, uri),
            Settings(BUCKET, "/dropserve/live", "better"),
            live=live,
            s3=bucket,
            sagemaker=endpoints,
        )

    return run


def request_for(champion=None, uri=f"s3://{BUCKET}/{FOLDER}/model.tar.gz"):
    plan = {"min_accuracy": 0.5, "force": False, "champion": champion}
    return {"run": {"id": RUN_ID}, "plan": plan, "training": {"model_data_uri": uri}}


def test_the_verdict_and_the_published_files(judge, bucket):
    verdict = judge(make_metrics(champion=beside_champion(0.8)), live=LIVE, champion=LIVE)
    home = f"s3://{BUCKET}/runs/{RUN_ID}"
    assert verdict == {
        "promote": True,
        "status": None,
        "reason": verdict["reason"],
        "accuracy": 0.9,
        "champion_accuracy": 0.8,
        "judged_against": LIVE["run_id"],
        "metrics_uri": f"{home}/metrics.json",
        "report_uri": f"{home}/report.html",
        "verdict_uri": f"{home}/verdict.json",
        "acceptance_uri": f"{home}/acceptance.json",
    }
    written = parse_document("verdict", bucket.objects[f"runs/{RUN_ID}/verdict.json"], where="verdict")
    assert {key: written[key] for key in verdict} == verdict
    assert (written["champion_release"], written["mcnemar_p"]) == ("dropserve-old", 1.0)
    assert bucket.objects[f"runs/{RUN_ID}/report.html"] == b"<p>report"
    assert json.loads(bucket.objects[f"runs/{RUN_ID}/acceptance.json"]) == ACCEPTANCE
    assert bucket.objects[f"runs/{RUN_ID}/acceptance/00.jpg"] == b"\xff\xd8photo"
    assert bucket.objects[f"runs/{RUN_ID}/test_predictions.jsonl"] == b"{}\n"
    assert json.loads(bucket.objects[f"runs/{RUN_ID}/metrics.json"])["accuracy"] == 0.9


def test_the_first_release_has_no_champion(judge, bucket):
    verdict = judge()
    assert (verdict["promote"], verdict["champion_accuracy"]) == (True, None)
    assert verdict["judged_against"] == ""
    assert json.loads(bucket.objects[f"runs/{RUN_ID}/verdict.json"])["champion_release"] is None


def test_a_refused_model_has_its_report_published_too(judge, bucket):
    verdict = judge(make_metrics(accuracy=0.2))
    assert (verdict["promote"], verdict["status"]) == (False, "rejected")
    assert f"runs/{RUN_ID}/report.html" in bucket.objects


@pytest.mark.parametrize("recorded, promote", [(0.95, False), (0.85, True)])
def test_the_record_of_a_release_that_went_live_meanwhile_is_read(judge, bucket, recorded, promote):
    record = make_metrics(run_id=LIVE["run_id"], accuracy=recorded)
    bucket.objects[f"runs/{LIVE['run_id']}/metrics.json"] = json.dumps(record).encode()
    verdict = judge(live=LIVE)
    assert (verdict["promote"], verdict["champion_accuracy"]) == (promote, recorded)


@pytest.mark.parametrize("record", [None, b"oops", b"{}"])
def test_a_record_that_is_gone_or_odd_is_no_record(judge, bucket, record):
    if record:
        bucket.objects[f"runs/{LIVE['run_id']}/metrics.json"] = record
    assert "no metrics on record" in judge(live=LIVE)["reason"]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([], "the model of the live release dropserve-old is gone from s3://data-bucket/runs/"),
        ([{"Key": "runs/other/model.tar.gz"}], "is gone from"),
        (
            [{**LIVE_OBJECT, "StorageClass": "GLACIER"}],
            "the model of the live release dropserve-old is archived (GLACIER)",
        ),
    ],
)
def test_a_lost_live_model_is_no_champion(judge, bucket, listed, told):
    bucket.listed = listed
    record = make_metrics(run_id=LIVE["run_id"], accuracy=0.99)
    bucket.objects[f"runs/{LIVE['run_id']}/metrics.json"] = json.dumps(record).encode()
    verdict = judge(live=LIVE, champion=LIVE)
    assert (verdict["promote"], verdict["champion_accuracy"]) == (True, None)
    assert told in verdict["reason"]
    assert "judged as a first release is and goes live; the accuracy is 0.9000" in verdict["reason"]
    # The workflow would judge again, were it another release than the one that is live.
    assert verdict["judged_against"] == LIVE["run_id"]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (None, "the endpoint of the live release dropserve-old is gone, so this one is judged as a first"),
        ("Failed", "the endpoint of the live release dropserve-old has failed, so this one"),
    ],
)
def test_a_live_release_that_answers_nobody_is_no_champion(judge, endpoints, status, told):
    endpoints.status = status
    verdict = judge(make_metrics(champion=beside_champion(0.95)), live=LIVE, champion=LIVE)
    assert (verdict["promote"], told in verdict["reason"]) == (True, True), verdict


@pytest.mark.parametrize("status", ["InService", "Updating", "Creating", "SystemUpdating", "RollingBack"])
def test_an_endpoint_that_changes_is_no_loss(judge, endpoints, status):
    endpoints.status = status
    verdict = judge(make_metrics(champion=beside_champion(0.95)), live=LIVE, champion=LIVE)
    assert (verdict["promote"], verdict["status"]) == (False, "champion_kept")


def test_a_paused_release_is_the_champion_without_an_endpoint(judge, endpoints):
    endpoints.status = None
    paused = {**LIVE, "paused_at": "2026-01-01T00:00:00Z"}
    verdict = judge(make_metrics(champion=beside_champion(0.95)), live=paused, champion=paused)
    assert (verdict["promote"], verdict["status"]) == (False, "champion_kept")


def test_an_endpoint_that_sagemaker_does_not_tell_of_is_a_failure_of_the_deployment(judge, endpoints):
    endpoints.status = None
    endpoints.error = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeEndpoint")
    with pytest.raises(ClientError, match="AccessDenied"):
        judge(live=LIVE)


def test_a_lost_live_model_does_not_lower_the_bar(judge, bucket):
    bucket.listed = []
    verdict = judge(make_metrics(accuracy=0.3), live=LIVE, champion=LIVE)
    assert (verdict["promote"], verdict["status"]) == (False, "champion_kept")


def test_a_record_that_may_not_be_read_is_a_failure_of_the_deployment(judge, bucket):
    bucket.denied.add(f"runs/{LIVE['run_id']}/metrics.json")
    with pytest.raises(ClientError, match="AccessDenied"):
        judge(live=LIVE)


def test_nothing_left_by_the_training(judge):
    with pytest.raises(ArtifactError, match=r"left no s3://data-bucket/.*output\.tar\.gz; look at the log"):
        judge(packed=b"")


def test_an_address_that_is_no_model(judge):
    with pytest.raises(ArtifactError, match=r"not the address of a model\.tar\.gz"):
        judge(uri=f"s3://{BUCKET}/{FOLDER}/other.zip")


def test_an_output_that_is_too_large(judge, monkeypatch):
    monkeypatch.setattr(s3_artifacts, "MAX_PACKED_BYTES", 100)
    with pytest.raises(ArtifactError, match="over 0 MiB"):
        judge()


def test_metrics_of_another_run(judge):
    with pytest.raises(ArtifactError, match="of the run someone-else, not of"):
        judge(make_metrics(run_id="someone-else"))


def test_an_acceptance_sample_of_another_run(judge):
    with pytest.raises(ArtifactError, match=r"acceptance\.json in .* is of the run someone-else, not of"):
        judge(acceptance={**ACCEPTANCE, "run_id": "someone-else"})


def test_an_acceptance_sample_without_a_photo_that_it_names(judge, bucket):
    other = {**ACCEPTANCE["photos"][0], "file": "acceptance/01.jpg"}
    with pytest.raises(ArtifactError, match=r"lacks acceptance/01\.jpg, which its acceptance\.json names"):
        judge(acceptance={**ACCEPTANCE, "photos": [*ACCEPTANCE["photos"], other]})
    assert set(bucket.objects) == {f"{FOLDER}/output.tar.gz"}


def test_metrics_that_break_their_schema(judge):
    with pytest.raises(DocumentError, match="accuracy"):
        judge(make_metrics(accuracy=7))


def test_nothing_is_published_of_what_cannot_be_judged(judge, bucket):
    with pytest.raises(DocumentError):
        judge(make_metrics(accuracy="high"))
    assert set(bucket.objects) == {f"{FOLDER}/output.tar.gz"}


@pytest.fixture
def ssm():
    with Stubber(boto3.client("ssm", region_name="us-east-1")) as stub:
        yield stub


def test_the_handler_reads_the_pointer_and_judges(judge, bucket, endpoints, ssm, monkeypatch):
    monkeypatch.setattr(powertools_metrics, "namespace", "dropserve")
    monkeypatch.setattr(
        handler_module, "client", {"s3": bucket, "ssm": ssm.client, "sagemaker": endpoints}.__getitem__
    )
    monkeypatch.setenv("LIVE_POINTER_PARAMETER", "/dropserve/live")
    monkeypatch.setenv("DATA_BUCKET", BUCKET)
    monkeypatch.setenv("PROMOTION_RULE", "not_worse")
    judge()
    ssm.add_response("get_parameter", {"Parameter": {"Value": json.dumps(LIVE)}}, {"Name": "/dropserve/live"})
    verdict = handler_module.handler(request_for(), LambdaContext("judge_model"))
    assert "another release went live" in verdict["reason"]
    written = parse_document("verdict", bucket.objects[f"runs/{RUN_ID}/verdict.json"], where="verdict")
    assert written["rule"] == "not_worse"
    monkeypatch.setenv("PROMOTION_RULE", "best")
    with pytest.raises(SettingsError, match="use one of better, not_worse, significantly_better"):
        handler_module.handler(request_for(), LambdaContext("judge_model"))
    monkeypatch.delenv("DATA_BUCKET")
    with pytest.raises(SettingsError, match="DATA_BUCKET"):
        handler_module.handler(request_for(), LambdaContext("judge_model"))


def test_the_live_pointer(ssm):
    ssm.add_response("get_parameter", {"Parameter": {"Value": "{}"}})
    assert read_live_pointer("/dropserve/live", ssm=ssm.client) is None
    ssm.add_response("get_parameter", {"Parameter": {"Value": "not JSON"}})
    with pytest.raises(PointerError, match="/dropserve/live"):
        read_live_pointer("/dropserve/live", ssm=ssm.client)
