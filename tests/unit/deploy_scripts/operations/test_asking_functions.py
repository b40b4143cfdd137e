"""Predictions and audits: answers, refusals, failures."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY

from deploy_scripts.errors import CliError
from deploy_scripts.operations.audits import run_audit
from deploy_scripts.operations.predictions import (
    Prediction,
    predict_photo,
    predict_url,
    temporary_upload,
    write_heat_map,
)


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


def test_a_temporary_upload_is_taken_back_even_when_the_prediction_fails(stubbed: Any) -> None:
    stubbed.answer("s3", "put_object", {"VersionId": "v7"})
    stubbed.answer("s3", "delete_object", {})

    with (
        pytest.raises(CliError, match="broken"),
        temporary_upload(stubbed.deployment, b"photo", ".JPG") as url,
    ):
        assert "/dropserve-data/uploads/" in url
        assert ".jpg?" in url
        assert "X-Amz-Expires=900" in url
        raise CliError("broken")

    stubbed.assert_all_asked()


def test_a_strange_suffix_stays_out_of_the_address(stubbed: Any) -> None:
    stubbed.answer("s3", "put_object", {"VersionId": "v7"})
    stubbed.answer("s3", "delete_object", {})

    with temporary_upload(stubbed.deployment, b"photo", ".j\x1b[2Jpg") as url:
        assert re.search(r"/uploads/[0-9a-f]{32}\?", url)


@pytest.mark.parametrize(
    ("photo", "asked"),
    [
        ("https://example.com/a.jpg", "https://example.com/a.jpg"),
        ("HTTP://Example.com/A.jpg?Sig=Ab", "http://Example.com/A.jpg?Sig=Ab"),
        ("hTTps://example.com/a.jpg\n", "https://example.com/a.jpg"),
        ("  https://example.com/a.jpg ", "https://example.com/a.jpg"),
    ],
)
def test_an_address_is_one_in_any_case(stubbed: Any, photo: str, asked: str) -> None:
    body = {"predictions": [{"label": "roots", "probability": 0.9}], "model": {"release": "r"}}
    stubbed.answer(
        "functions",
        "invoke",
        answer(http(200, body)),
        FunctionName=stubbed.deployment.outputs["InferenceFunctionAliasArn"],
        Payload=json.dumps({"url": asked}).encode(),
    )

    assert predict_photo(stubbed.deployment, photo).labels == [("roots", 0.9)]


def test_a_heat_map_is_written_under_the_photo_s_name(
    stubbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = {"label": "roots", "png": base64.b64encode(b"a picture").decode()}
    body = {
        "predictions": [{"label": "roots", "probability": 0.9}],
        "model": {"release": "r"},
        "unknown": True,
        "explanation": said,
    }
    url = "https://example.com/b/../my%20root.jpg?size=1"
    stubbed.answer(
        "functions",
        "invoke",
        answer(http(200, body)),
        FunctionName=stubbed.deployment.outputs["InferenceFunctionAliasArn"],
        Payload=json.dumps({"url": url, "explain": True}).encode(),
    )
    prediction = predict_photo(stubbed.deployment, url, explain=True)
    assert prediction.unknown

    written = write_heat_map(prediction, url)

    assert written == Path("my_20root-heat-map.png")
    assert (tmp_path / written).read_bytes() == b"a picture"
    body["explanation"] = {"refused": "this model has no exact heat map"}
    with pytest.raises(CliError, match="No heat map: this model has no exact heat map"):
        write_heat_map(Prediction([], "r", body), url)


@pytest.mark.parametrize("scheme", ["s3", "S3"])
def test_an_object_in_s3_is_read_as_the_person_and_lent(stubbed: Any, scheme: str) -> None:
    body = {"predictions": [{"label": "roots", "probability": 0.9}], "model": {"release": "r"}}
    stubbed.answer(
        "s3",
        "get_object",
        {"Body": StreamingBody(io.BytesIO(b"photo"), 5), "ContentLength": 5},
        Bucket="my-photos",
        Key="a b/c+d?.jpg",
    )
    stubbed.answer("s3", "put_object", {"VersionId": "v7"}, Bucket="dropserve-data", Key=ANY, Body=b"photo")
    stubbed.answer("functions", "invoke", answer(http(200, body)))
    stubbed.answer("s3", "delete_object", {}, Bucket="dropserve-data", Key=ANY, VersionId="v7")

    assert predict_photo(stubbed.deployment, f"{scheme}://my-photos/a b/c+d?.jpg").labels == [("roots", 0.9)]
    stubbed.assert_all_asked()


def test_a_temporary_upload_that_is_refused_is_named(stubbed: Any, tmp_path: Path) -> None:
    """The function speaks of the host that it fetched from, which nobody asked for."""
    photo = tmp_path / "notes.txt"
    photo.write_text("no photo")
    stubbed.answer("s3", "put_object", {"VersionId": "v7"})
    stubbed.answer("functions", "invoke", answer(http(415, {"detail": "what 127.0.0.1 sent is no image"})))
    stubbed.answer("s3", "delete_object", {})

    with pytest.raises(CliError, match=rf"^No prediction for {photo} \(415\): what 127"):
        predict_photo(stubbed.deployment, str(photo))


def test_an_object_that_is_not_there_is_named(stubbed: Any) -> None:
    stubbed.refuse("s3", "get_object", "NoSuchKey")

    with pytest.raises(CliError, match=r"There is no object s3://my-photos/a\.jpg"):
        predict_photo(stubbed.deployment, "s3://my-photos/a.jpg")


def test_an_object_that_is_too_large_is_not_loaded(stubbed: Any) -> None:
    stubbed.answer("s3", "get_object", {"Body": StreamingBody(io.BytesIO(b""), 0), "ContentLength": 1 << 40})

    with pytest.raises(CliError, match="1,099,511,627,776 bytes; a photo may have"):
        predict_photo(stubbed.deployment, "s3://my-photos/a.jpg")


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        ("nothing.jpg", r"^nothing\.jpg does not exist"),
        ("", r"^\. is a folder"),
        ("/", "^/ is a folder"),
        ("/dev/null", "^/dev/null is no regular file"),
        ("s3://", "^s3:// names no object"),
        ("s3://bucket", "names no object"),
        ("s3:///key.jpg", "names no object"),
        ("s3://no bucket/key.jpg", "is no address of an object"),
        ("ftp://example.com/a.jpg", "begins with ftp://, which is no way to give a photo"),
        ("file:///a.jpg", "begins with file://"),
    ],
)
def test_what_is_no_photo_is_named(stubbed: Any, photo: str, message: str) -> None:
    with pytest.raises(CliError, match=message) as refusal:
        predict_photo(stubbed.deployment, photo)
    assert refusal.value.advice


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
