"""The events that the function takes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from functions.common.s3_uris import S3Uri
from functions.inference.errors import BadRequestError, ForbiddenAddressError, MethodNotAllowedError
from functions.inference.events.http_events import Sender, sender_of
from functions.inference.events.requests import MAX_URLS, Candidate, Request, parse_request
from functions.inference.fetching.image_urls import parse_image_url
from tests.unit.inference.aws_replies import RELEASE, RUN_ID

EVENTS = Path(__file__).parent / "events"
DOG_URL = "https://example.com/dog.jpg"
DOG = parse_image_url(DOG_URL)
CHECK = {"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/00.jpg", "endpoint_name": RELEASE}
JPEG = b"\xff\xd8\xff\xe0 not all of a photo"


def parse(event: Any) -> Request:
    return parse_request(event, data_bucket="data")


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return {**event, **changes}


def posted_image(**changes: Any) -> dict[str, Any]:
    """An image's bytes as the body of a Function URL's event."""
    event = recorded("function_url_post", body=base64.b64encode(JPEG).decode(), isBase64Encoded=True)
    event["headers"]["content-type"] = "image/jpeg"
    return {**event, **changes}


def test_a_direct_invocation() -> None:
    assert parse({"url": DOG_URL}) == Request((DOG,), top_k=5, min_probability=0)
    assert parse({"url": DOG_URL, "top_k": 1}) == Request((DOG,), top_k=1)
    assert parse({"url": DOG_URL, "explain": True}) == Request((DOG,), explain=True)
    with pytest.raises(BadRequestError, match="explain must be true or false"):
        parse({"url": DOG_URL, "explain": 1})
    assert parse({"url": DOG_URL, "min_probability": 0.5}) == Request((DOG,), min_probability=0.5)


def test_http_events() -> None:
    signed = parse_image_url("https://example.com/dog.jpg?size=1&token=s3cret")

    assert parse(recorded("function_url_get")) == Request((signed,), top_k=2)
    assert parse(recorded("function_url_post")) == Request((DOG,), top_k=3)
    assert parse(recorded("http_api_post_base64")) == Request((DOG,), top_k=5)


def test_options_in_a_query_string_are_numbers() -> None:
    query = {"url": DOG_URL, "top_k": "7", "min_probability": "0.25"}

    assert parse(recorded("function_url_get", queryStringParameters=query)) == Request(
        (DOG,), top_k=7, min_probability=0.25
    )


def test_several_urls_keep_their_order_and_a_malformed_one_is_an_error_in_its_place() -> None:
    request = parse({"urls": [DOG_URL, "ftp://example.com/", 7, DOG_URL], "top_k": 2})

    assert request.is_batch
    assert request.top_k == 2
    assert (request.images[0], request.images[3]) == (DOG, DOG)
    assert [type(image) for image in request.images[1:3]] == [BadRequestError] * 2


@pytest.mark.parametrize("urls", [[], None, DOG_URL, {"0": DOG_URL}, [DOG_URL] * (MAX_URLS + 1)])
def test_urls_must_be_a_list_of_bounded_length(urls: Any) -> None:
    with pytest.raises(BadRequestError, match=f"1 to {MAX_URLS}"):
        parse({"urls": urls})


def test_a_list_of_one_url_is_answered_as_a_list() -> None:
    assert parse({"urls": [DOG_URL]}).is_batch
    assert not parse({"url": DOG_URL}).is_batch


def test_an_object_that_somebody_uploaded() -> None:
    expected = Request((S3Uri("data", "uploads/a b+ü.jpg"),))
    fields = {"s3_uri": "s3://data/uploads/a b+ü.jpg"}

    assert parse(fields) == expected
    assert parse(recorded("function_url_post", body=json.dumps(fields))) == expected
    assert parse(recorded("function_url_get", queryStringParameters=fields)) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "s3://other/uploads/a.jpg",
        "s3://data.example.com/uploads/a.jpg",
        "s3://data/drops/dogs.zip",
        f"s3://data/runs/{RUN_ID}/acceptance/00.jpg",
        "s3://data/uploads",
        "s3://data/uploads/",
        "s3://data/Uploads/a.jpg",
        "s3://data//uploads/a.jpg",
        "s3://data/uploads/../drops/dogs.zip",
        "s3://data/uploads/./../runs/a.jpg",
        "s3://data/xuploads/a.jpg",
        "s3://data",
    ],
)
def test_nothing_else_in_s3_may_be_read(uri: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="s3://data/uploads/"):
        parse({"s3_uri": uri})


@pytest.mark.parametrize("uri", ["", 7, None, "https://data.s3.amazonaws.com/uploads/a.jpg", "s3:/data/x"])
def test_an_s3_uri_must_be_one(uri: Any) -> None:
    with pytest.raises(BadRequestError):
        parse({"s3_uri": uri})


def test_a_request_names_its_images_in_one_way_only() -> None:
    for fields in (
        {"url": DOG_URL, "urls": [DOG_URL]},
        {"url": DOG_URL, "s3_uri": "s3://data/uploads/a.jpg"},
        {"urls": [DOG_URL], "s3_uri": "s3://data/uploads/a.jpg"},
    ):
        with pytest.raises(BadRequestError, match="one of"):
            parse(fields)


@pytest.mark.parametrize("content_type", ["image/jpeg", "IMAGE/PNG; q=1", "application/octet-stream"])
def test_the_bytes_of_an_image(content_type: str) -> None:
    event = posted_image(queryStringParameters={"top_k": "3"})
    event["headers"]["content-type"] = content_type

    assert parse(event) == Request((JPEG,), top_k=3)


@pytest.mark.parametrize(
    "changes",
    [
        {"body": None},
        {"body": ""},
        {"body": "&&&"},
        {"body": "YQ"},
        {"body": "YQ==\n"},
        {"body": ["YQ=="]},
        {"queryStringParameters": {"url": DOG_URL}},
        {"queryStringParameters": {"top_k": "0"}},
        {"queryStringParameters": {"endpoint_name": RELEASE}},
    ],
)
def test_an_image_that_did_not_arrive_well_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        parse(posted_image(**changes))


def test_bytes_are_taken_over_http_only() -> None:
    with pytest.raises(BadRequestError):
        parse({"body": base64.b64encode(JPEG).decode(), "isBase64Encoded": True})


def test_a_release_check_by_direct_invocation() -> None:
    image = S3Uri("data", f"runs/{RUN_ID}/acceptance/00.jpg")

    assert parse(CHECK) == Request((image,), candidate=Candidate(RUN_ID, RELEASE))
    assert sender_of(CHECK) is None


def test_a_release_check_does_not_come_in_over_http() -> None:
    for event in (
        recorded("function_url_post", body=json.dumps(CHECK)),
        recorded("function_url_post", body=json.dumps({**CHECK, "url": DOG_URL})),
        recorded("function_url_get", queryStringParameters=CHECK),
        # Fields beside the body are not the body.
        recorded("function_url_post", body="{}", **CHECK),
    ):
        with pytest.raises(BadRequestError):
            parse(event)


@pytest.mark.parametrize(
    "changes",
    [
        {"s3_uri": f"s3://other/runs/{RUN_ID}/acceptance/00.jpg"},
        {"s3_uri": "s3://data/drops/dogs.zip"},
        {"s3_uri": "s3://data/uploads/dog.jpg"},
        {"s3_uri": "s3://data/runs/../drops/dogs.zip"},
        {"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/../../../drops/dogs.zip"},
        {"s3_uri": f"s3://data/runs/{RUN_ID}/model.tar.gz"},
        {"s3_uri": f"s3://data/runs/{RUN_ID}"},
        {"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/"},
        {"s3_uri": f"s3://data/xruns/{RUN_ID}/acceptance/00.jpg"},
        {"s3_uri": "https://data.s3.amazonaws.com/runs/a.jpg"},
        {"s3_uri": ""},
        {"s3_uri": 7},
        {"endpoint_name": ""},
        {"endpoint_name": "a/../b"},
        {"endpoint_name": "-a"},
        {"endpoint_name": "a" * 64},
        {"endpoint_name": None},
        {"url": DOG_URL},
    ],
)
def test_a_release_check_outside_the_runs_of_this_deployment_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((BadRequestError, ForbiddenAddressError)):
        parse({**CHECK, **changes})


@pytest.mark.parametrize(
    "event", [None, [], "https://example.com/dog.jpg", 7, {}, {"URL": "https://example.com/"}]
)
def test_any_other_event_is_refused(event: Any) -> None:
    with pytest.raises(BadRequestError, match="url"):
        parse(event)


SIGNED = parse_image_url("https://example.com/dog.jpg?size=1&token=s3cret")


@pytest.mark.parametrize(
    ("name", "sender", "expected"),
    [
        ("function_url_get", Sender.PAYLOAD_2, Request((SIGNED,), top_k=2)),
        ("function_url_post", Sender.PAYLOAD_2, Request((DOG,), top_k=3)),
        ("rest_api_v1_get", Sender.PAYLOAD_1, Request((DOG,))),
        ("rest_api_v1_post", Sender.PAYLOAD_1, Request((DOG,), top_k=3)),
        ("load_balancer_get", Sender.LOAD_BALANCER, Request((SIGNED,), top_k=2)),
        ("load_balancer_multi_value_get", Sender.LOAD_BALANCER, Request((SIGNED,), top_k=2)),
    ],
)
def test_each_sender_is_understood(name: str, sender: Sender, expected: Request) -> None:
    assert sender_of(recorded(name)) is sender
    assert parse(recorded(name)) == expected


@pytest.mark.parametrize("name", ["rest_api_v1_post", "load_balancer_get", "load_balancer_multi_value_get"])
@pytest.mark.parametrize("spelled", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_the_bytes_of_an_image_by_each_sender(name: str, spelled: str) -> None:
    kind = "multiValueHeaders" if "multi" in name else "headers"
    headers = {spelled: ["image/jpeg"] if "multi" in name else "image/jpeg"}
    body = {"httpMethod": "POST", "body": base64.b64encode(JPEG).decode(), "isBase64Encoded": True}
    event = recorded(name, queryStringParameters=None, multiValueQueryStringParameters=None, **body)

    assert parse({**event, kind: headers}) == Request((JPEG,))


@pytest.mark.parametrize("name", ["rest_api_v1_post", "load_balancer_get"])
def test_a_release_check_does_not_come_in_by_another_sender(name: str) -> None:
    for changes in (
        {"httpMethod": "POST", "body": json.dumps(CHECK)},
        {"httpMethod": "GET", "queryStringParameters": CHECK},
        {"httpMethod": "POST", "body": "{}", **CHECK},
    ):
        with pytest.raises((BadRequestError, ForbiddenAddressError)):
            parse(recorded(name, **{"queryStringParameters": None, **changes}))


def test_bytes_that_were_changed_on_their_way_are_told_so() -> None:
    """What API Gateway makes of a binary body when nobody told it that there are any."""
    mangled = JPEG.decode(errors="replace")
    event = recorded("rest_api_v1_post", body=mangled, headers={"Content-Type": "image/jpeg"})

    with pytest.raises(BadRequestError, match="binaryMediaTypes"):
        parse(event)


BASE64 = base64.b64encode(JPEG + bytes(range(256))).decode()
URL_SAFE = BASE64.replace("+", "-").replace("/", "_")


@pytest.mark.parametrize(
    "text",
    [
        BASE64,
        BASE64.rstrip("="),
        URL_SAFE,
        URL_SAFE.rstrip("="),
        f"data:image/jpeg;base64,{BASE64}",
        f"DATA:image/jpeg;charset=utf-8;BASE64,{BASE64}",
        f"data:;base64,{BASE64}",
        f"  {BASE64}\n",
        "\r\n".join(BASE64[start : start + 76] for start in range(0, len(BASE64), 76)),
    ],
)
def test_an_image_as_base64_in_json(text: str) -> None:
    expected = Request((JPEG + bytes(range(256)),), top_k=2)
    fields = {"image": text, "top_k": 2}

    assert parse(fields) == expected
    for name in ("function_url_post", "rest_api_v1_post"):
        assert parse(recorded(name, body=json.dumps(fields))) == expected


@pytest.mark.parametrize(
    "value",
    [None, "", "  ", 7, ["YQ=="], "&&&", "YQ=x", "A", "data:image/jpeg,abc", "data:base64", "ü", "\ud800"],
)
def test_an_image_must_be_base64(value: Any) -> None:
    with pytest.raises(BadRequestError, match="base64"):
        parse({"image": value})


def test_an_image_is_not_a_part_of_an_address() -> None:
    with pytest.raises(BadRequestError, match="by POST"):
        parse(recorded("function_url_get", queryStringParameters={"image": BASE64}))
    with pytest.raises(BadRequestError, match="send it as"):
        parse({"url": f"data:image/jpeg;base64,{BASE64}"})
    with pytest.raises(BadRequestError, match="one of"):
        parse({"url": DOG_URL, "image": BASE64})


def test_an_image_that_was_encoded_once_more_than_needed() -> None:
    twice = base64.b64encode(BASE64.encode()).decode()
    event = posted_image(body=twice)

    assert parse(event) == Request((JPEG + bytes(range(256)),))


def test_a_signed_address_in_the_wrong_field_is_not_quoted() -> None:
    for uri in (
        "https://data.s3.amazonaws.com/uploads/a.jpg?X-Amz-Signature=s3cret",
        "s3://other/uploads/a.jpg?X-Amz-Signature=s3cret",
        "s3:///?X-Amz-Signature=s3cret",
        "https://me:s3cret@data.s3.amazonaws.com/uploads/a.jpg",
    ):
        with pytest.raises((BadRequestError, ForbiddenAddressError)) as caught:
            parse({"s3_uri": uri})
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("url", [None, 7, "", [], {"url": "x"}, b"https://example.com"])
def test_a_url_must_be_a_text(url: Any) -> None:
    with pytest.raises(BadRequestError, match="url is missing"):
        parse({"url": url})


@pytest.mark.parametrize("top_k", [0, -1, 1001, 1.5, True, None, "", "x", "2.0", "-1", "99999", [1]])
def test_top_k_must_be_a_whole_number_in_range(top_k: Any) -> None:
    with pytest.raises(BadRequestError, match="top_k"):
        parse({"url": DOG_URL, "top_k": top_k})


@pytest.mark.parametrize("value", [-0.1, 1.1, True, None, "", "x", "1e-1", "-1", "nan", float("nan"), [1]])
def test_min_probability_must_be_a_share(value: Any) -> None:
    with pytest.raises(BadRequestError, match="min_probability"):
        parse({"url": DOG_URL, "min_probability": value})


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
