"""Ask: an answer with all that belongs to it, and questions that are none."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import shlex
from typing import Any

import pytest
from botocore.response import StreamingBody
from starlette.testclient import TestClient

from deploy_scripts.operations.predictions import MAX_PHOTO_BYTES

HOSTILE = "<img src=x onerror=alert(1)>\x1b[2J\u202e"
URL = 'https://example.com/it\'s "one" $(id).jpg?a=1&b=2'
LOG = {"_aws": {}, "FetchLatency": [20.0], "InvokeLatency": [30.0], "RequestLatency": [60.0]}


def body(**fields: Any) -> dict[str, Any]:
    predictions = [{"label": HOSTILE, "probability": 0.75}, {"label": "roots", "probability": 0.25}]
    return {"predictions": predictions, "model": {"release": "r", "run_id": "0" * 32}, **fields}


def answer(stubbed: Any, told: dict[str, Any], status: int = 200, **expected: Any) -> None:
    payload = json.dumps({"statusCode": status, "headers": {}, "body": json.dumps(told)}).encode()
    log = base64.b64encode(f"a line\n{json.dumps(LOG)}\n".encode()).decode()
    reply = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload)), "LogResult": log}
    if expected:
        expected["FunctionName"] = stubbed.deployment.outputs["InferenceFunctionAliasArn"]
        expected["LogType"] = "Tail"
    stubbed.answer("functions", "invoke", reply, **expected)


def snippets_of(page: str) -> dict[str, str]:
    found = re.findall(r'<pre [^>]*aria-label="([^"]+)">(.*?)</pre>', page, re.DOTALL)
    return {language: html.unescape(text) for language, text in found}


def test_an_answer_by_address_tells_why_and_what_it_took(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    explanation = {"label": "roots", "png": "aGVhdA=="}
    told = body(unknown=True, unknown_score=3.21, unknown_threshold=2.05, explanation=explanation)
    answer(stubbed, told, Payload=json.dumps({"url": URL, "explain": True}).encode())
    reply = browser.post("/ask", data={"url": f" {URL}\n", "explain": "on"}, headers=own)
    assert reply.status_code == 200
    page = reply.text
    assert "&lt;img src=x onerror=alert(1)&gt;\\x1b[2J\\u202e" in page
    assert "<img src=x" not in page
    assert 'value="0.75"' in page and "0.250" in page
    assert "score 3.21, unknown above 2.05" in page and "do not rely on this" in page
    assert "data:image/png;base64,aGVhdA==" in page
    assert all(each in page for each in ("20 ms", "30 ms", "The rest of the function", "10 ms"))
    assert reply.headers["hx-replace-url"].startswith("/ask?url=https%3A%2F%2Fexample.com%2Fit%27s")


def test_the_same_question_can_be_copied_whatever_the_address_holds(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    answer(stubbed, body())
    page = browser.post("/ask", data={"url": URL}, headers=own).text
    snippets = snippets_of(page)
    assert shlex.split(snippets["dropserve"])[:3] == ["dropserve", "predict", URL]
    for language in ("AWS CLI", "curl"):
        line = snippets[language].splitlines()[1]
        assert json.loads(shlex.split(line)[2]) == {"url": URL}
    assert "invocations?Qualifier=live" in snippets["curl"]
    compile(snippets["Python (boto3)"], "snippet", "exec")


def test_a_model_that_cannot_tell_unknown_photos_or_explain_says_so(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    answer(stubbed, body(explanation={"refused": "this model has no exact heat map"}))
    page = browser.post("/ask", data={"url": URL, "explain": "on"}, headers=own).text
    assert "cannot tell unknown photos" in page
    assert "No heat map: this model has no exact heat map." in page


def test_a_photo_that_is_sent_is_lent_to_the_function_and_taken_back(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    stubbed.answer("s3", "put_object", {"VersionId": "v7"})
    stubbed.answer("s3", "delete_object", {})
    answer(stubbed, body())
    reply = browser.put("/ask/photo?name=../<b>.jpg&explain=on", content=b"photo", headers=own)
    assert reply.status_code == 200
    stubbed.assert_all_asked()
    assert '<p class="soft asked">&lt;b&gt;.jpg</p>' in reply.text
    snippets = snippets_of(reply.text)
    assert "base64 < '<b>.jpg'" in snippets["AWS CLI"] and '"explain": true' in snippets["curl"]
    compile(snippets["Python (boto3)"], "snippet", "exec")


def test_a_photo_that_is_too_large_is_not_read(browser: TestClient, own: dict[str, str]) -> None:
    headers = {**own, "Content-Length": str(MAX_PHOTO_BYTES + 1)}
    reply = browser.put("/ask/photo?name=a.jpg", content=b"photo", headers=headers)
    assert reply.status_code == 422 and "larger than" in reply.text


@pytest.mark.parametrize("url", ["", "rose.jpg", "/etc/passwd", "https://" + "a" * 9000])
def test_no_file_of_the_machine_is_asked_about_by_name(
    browser: TestClient, own: dict[str, str], url: str
) -> None:
    reply = browser.post("/ask", data={"url": url}, headers={**own, "HX-Request": "true"})
    assert reply.status_code == 422
    assert "no address of a photo" in reply.text and "<html" not in reply.text


def test_a_refusal_is_told_in_the_function_s_own_words(
    browser: TestClient, own: dict[str, str], stubbed: Any
) -> None:
    answer(stubbed, {"title": "Not an image", "detail": "The address holds text/html."}, status=415)
    reply = browser.post("/ask", data={"url": URL}, headers=own)
    assert reply.status_code == 422 and "The address holds text/html." in reply.text


def test_an_empty_file_is_no_photo(browser: TestClient, own: dict[str, str]) -> None:
    assert "a.jpg is empty" in browser.put("/ask/photo?name=a.jpg", headers=own).text
