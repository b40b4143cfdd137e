"""Predictions and audits: answers, refusals, failures."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody

from deploy_scripts.errors import CliError
from deploy_scripts.pipeline.audits import run_audit
from deploy_scripts.pipeline.predictions import lent_photo, predict_url


def answer(payload: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = json.dumps(payload).encode()
    return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **fields}


def http(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {}, "body": json.dumps(body)}


def test_a_prediction(stubbed: Any) -> None:
    body = {
        "predictions": [{"label": "roots", "probability": 0.9}, {"label": "fruits", "probability": 0.1}],
        "model": {"release": stubbed.release, "run_id": stubbed.run_id},
    }
    stubbed.answer(
        "functions",
        "invoke",
        answer(http(200, body)),
        FunctionName=stubbed.deployment.outputs["InferenceFunctionAliasArn"],
        Payload=b'{"url": "https://example.com/a.jpg"}',
    )

    prediction = predict_url(stubbed.deployment, "https://example.com/a.jpg")

    assert prediction.labels == [("roots", 0.9), ("fruits", 0.1)]
    assert prediction.release == stubbed.release


def test_a_refused_photo_is_told_in_the_functions_own_words(stubbed: Any) -> None:
    problem = {"title": "Not an image", "status": 415, "detail": "The address holds text/html."}
    stubbed.answer("functions", "invoke", answer(http(415, problem)))

    with pytest.raises(CliError, match=r"No prediction \(415\): The address holds text/html\."):
        predict_url(stubbed.deployment, "https://example.com/")


def test_a_crashed_function_is_told_as_such(stubbed: Any) -> None:
    crash = {"errorType": "KeyError", "errorMessage": "'url'"}
    stubbed.answer("functions", "invoke", answer(crash, FunctionError="Unhandled"))

    with pytest.raises(CliError, match="The inference function failed: KeyError"):
        predict_url(stubbed.deployment, "https://example.com/a.jpg")


def test_a_lent_photo_is_taken_back_even_when_the_prediction_fails(stubbed: Any, tmp_path: Path) -> None:
    photo = tmp_path / "Cat.JPG"
    photo.write_bytes(b"photo")
    stubbed.answer("s3", "put_object", {"VersionId": "v7"})
    stubbed.answer("s3", "delete_object", {})

    with pytest.raises(CliError, match="broken"), lent_photo(stubbed.deployment, photo) as url:
        assert "/dropserve-data/uploads/" in url
        assert "X-Amz-Expires=900" in url
        raise CliError("broken")

    stubbed.assert_all_asked()


def test_a_missing_file_is_named(stubbed: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(CliError, match=r"There is no file .*nothing\.jpg"),
        lent_photo(stubbed.deployment, tmp_path / "nothing.jpg"),
    ):
        pass


def test_an_audit_brings_its_report(stubbed: Any) -> None:
    counts = {"critical": 0, "high": 1, "medium": 0, "low": 0, "informational": 2}
    summary = {
        "blocked": False,
        "reason": "",
        "counts": counts,
        "report_uri": "s3://dropserve-data/audits/now/audit.json",
        "html_uri": "s3://dropserve-data/audits/now/audit.html",
    }
    report = json.dumps({"findings": []}).encode()
    stubbed.answer("functions", "invoke", answer(summary), FunctionName="dropserve-iam-audit", Payload=b"{}")
    stubbed.answer(
        "s3",
        "get_object",
        {"Body": StreamingBody(io.BytesIO(report), len(report))},
        Bucket="dropserve-data",
        Key="audits/now/audit.json",
    )

    found = run_audit(stubbed.deployment)

    assert found.counts == counts
    assert found.report == {"findings": []}
