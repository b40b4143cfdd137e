"""The events that the function takes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aws_replies import RELEASE, RUN_ID

from functions.common.s3_uris import S3Uri
from functions.inference.errors import BadRequestError, MethodNotAllowedError
from functions.inference.events import ReleaseCheck, UrlRequest, is_http_event, parse_request
from functions.inference.image_urls import parse_image_url

EVENTS = Path(__file__).parent / "events"
DOG = parse_image_url("https://example.com/dog.jpg")
CHECK = {"s3_uri": f"s3://data/runs/{RUN_ID}/smoke_test.jpg", "endpoint_name": RELEASE}


def parse(event: Any) -> UrlRequest | ReleaseCheck:
    return parse_request(event, data_bucket="data")


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return {**event, **changes}


def test_a_direct_invocation() -> None:
    assert parse({"url": "https://example.com/dog.jpg"}) == UrlRequest(DOG, top_k=5)
    assert parse({"url": "https://example.com/dog.jpg", "top_k": 1}) == UrlRequest(DOG, top_k=1)


def test_http_events() -> None:
    signed = parse_image_url("https://example.com/dog.jpg?size=1&token=s3cret")

    assert parse(recorded("function_url_get")) == UrlRequest(signed, top_k=2)
    assert parse(recorded("function_url_post")) == UrlRequest(DOG, top_k=3)
    assert parse(recorded("http_api_post_base64")) == UrlRequest(DOG, top_k=5)


def test_a_release_check_by_direct_invocation() -> None:
    expected = ReleaseCheck(S3Uri("data", f"runs/{RUN_ID}/smoke_test.jpg"), RUN_ID, RELEASE, top_k=5)

    assert parse(CHECK) == expected
    assert not is_http_event(CHECK)


def test_a_release_check_does_not_come_in_over_http() -> None:
    for event in (
        recorded("function_url_post", body=json.dumps(CHECK)),
        recorded("function_url_post", body=json.dumps({**CHECK, "url": "https://example.com/dog.jpg"})),
        recorded("function_url_get", queryStringParameters=CHECK),
        # Fields beside the body are not the body.
        recorded("function_url_post", body="{}", **CHECK),
    ):
        with pytest.raises(BadRequestError):
            parse(event)


@pytest.mark.parametrize(
    "changes",
    [
        {"s3_uri": f"s3://other/runs/{RUN_ID}/smoke_test.jpg"},
        {"s3_uri": "s3://data/drops/dogs.zip"},
        {"s3_uri": "s3://data/runs/../drops/dogs.zip"},
        {"s3_uri": f"s3://data/runs/{RUN_ID}"},
        {"s3_uri": f"s3://data/runs/{RUN_ID}/"},
        {"s3_uri": f"s3://data/xruns/{RUN_ID}/a.jpg"},
        {"s3_uri": "https://data.s3.amazonaws.com/runs/a.jpg"},
        {"s3_uri": ""},
        {"s3_uri": 7},
        {"endpoint_name": ""},
        {"endpoint_name": "a/../b"},
        {"endpoint_name": "-a"},
        {"endpoint_name": "a" * 64},
        {"endpoint_name": None},
        {"url": "https://example.com/dog.jpg"},
    ],
)
def test_a_release_check_outside_the_runs_of_this_deployment_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        parse({**CHECK, **changes})


@pytest.mark.parametrize(
    "event", [None, [], "https://example.com/dog.jpg", 7, {}, {"URL": "https://example.com/"}]
)
def test_any_other_event_is_refused(event: Any) -> None:
    with pytest.raises(BadRequestError, match="url"):
        parse(event)


def test_an_event_of_a_rest_api_is_refused_and_not_misread() -> None:
    with pytest.raises(BadRequestError):
        parse(recorded("rest_api_v1_get"))


@pytest.mark.parametrize("url", [None, 7, "", [], {"url": "x"}, b"https://example.com"])
def test_a_url_must_be_a_text(url: Any) -> None:
    with pytest.raises(BadRequestError, match="url is missing"):
        parse({"url": url})


@pytest.mark.parametrize("top_k", [0, -1, 1001, 1.5, True, None, "", "x", "2.0", "-1", "99999", [1]])
def test_top_k_must_be_a_whole_number_in_range(top_k: Any) -> None:
    with pytest.raises(BadRequestError, match="top_k"):
        parse({"url": "https://example.com/dog.jpg", "top_k": top_k})


@pytest.mark.parametrize(
    "changes",
    [
        {"body": None},
        {"body": ""},
        {"body": "{"},
        {"body": "[]"},
        {"body": '"https://example.com/"'},
        {"body": "[" * 200_000},
        {"body": "!!!", "isBase64Encoded": True},
        {"body": base64.b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True},
    ],
)
def test_a_body_that_is_no_json_object_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError, match="body"):
        parse(recorded("function_url_post", **changes))


def test_a_get_without_a_query_is_refused() -> None:
    event = recorded("function_url_get")
    del event["queryStringParameters"]

    with pytest.raises(BadRequestError, match="url is missing"):
        parse(event)


def test_a_url_that_was_not_percent_encoded_gets_a_hint_that_quotes_nothing_of_it() -> None:
    pieces = {"url": "https://example.com/dog.jpg?a=1", "X-Amz-Signature": "s3cret"}

    with pytest.raises(BadRequestError, match="percent-encode") as caught:
        parse(recorded("function_url_get", queryStringParameters=pieces))
    assert "s3cret" not in str(caught.value)
    assert "Signature" not in str(caught.value)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    event = recorded("function_url_get")
    event["requestContext"]["http"]["method"] = method

    with pytest.raises(MethodNotAllowedError, match=method):
        parse(event)
