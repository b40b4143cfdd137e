"""The whole function, asked by each of AWS's senders: an answer in the form that each of them takes."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.inference import handler
from tests.unit.inference.api_document import check_answer
from tests.unit.inference.aws_replies import (
    ANSWER,
    aws_error,
    environment,
    invocations,
    live_pointer_value,
    ssm_parameter,
)
from tests.unit.inference.fetching.image_host import LocalServer, send, send_json
from tests.unit.inference.images.pictures import encode, two_colours
from tests.unit.inference.lambda_process import context, forget

pytestmark = pytest.mark.slow

EVENTS = Path(__file__).parents[1] / "events"
PHOTO = encode(two_colours(60, 40), "JPEG")
# With a key that ends as a signed address does.
SIGNED_KEY = "uploads/a.jpg?X-Amz-Credential=AKIAEXAMPLE&X-Amz-Signature=s3cret"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalServer]:
    replies = {
        "/": ssm_parameter(live_pointer_value()),
        invocations(): send_json(ANSWER),
        "/photo.jpg": send(PHOTO),
        "/data/uploads/a.jpg%3FX-Amz-Credential%3DAKIAEXAMPLE%26X-Amz-Signature%3Ds3cret": aws_error(
            "NoSuchKey", "no", 404
        ),
    }
    with LocalServer(replies).running() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server).items():
            patch.setenv(name, value)
        forget()
        yield server
        forget()


def recorded(name: str, **changes: Any) -> dict[str, Any]:
    return {**json.loads((EVENTS / f"{name}.json").read_text()), **changes}


def ask(event: Any) -> dict[str, Any]:
    return handler.handler(event, context(1))


def as_direct(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer without what belongs to its sender."""
    headers = answer.get("headers") or {name: value for name, (value,) in answer["multiValueHeaders"].items()}
    return {"statusCode": answer["statusCode"], "headers": headers, "body": answer["body"]}


def test_a_rest_api(aws: LocalServer) -> None:
    answer = ask(recorded("rest_api_v1_get", queryStringParameters={"url": aws.url("/photo.jpg")}))

    assert answer["statusCode"] == 200
    assert set(answer) == {"statusCode", "headers", "body", "isBase64Encoded"}
    check_answer(as_direct(answer))


@pytest.mark.parametrize("name", ["load_balancer_get", "load_balancer_multi_value_get"])
@pytest.mark.parametrize(
    ("query", "status"),
    [({"url": "{photo}"}, "200 OK"), ({}, "400 Bad Request"), ({"url": "ftp://x"}, "400 Bad")],
)
def test_a_load_balancer(aws: LocalServer, name: str, query: dict[str, str], status: str) -> None:
    several = "multi_value" in name
    query = {
        key: value.format(photo=aws.url("/photo.jpg")).replace(":", "%3A") for key, value in query.items()
    }
    field = "multiValueQueryStringParameters" if several else "queryStringParameters"

    answer = ask(
        recorded(name, **{field: {key: [value] for key, value in query.items()} if several else query})
    )

    assert answer["statusDescription"].startswith(status)
    assert answer["isBase64Encoded"] is False
    assert ("multiValueHeaders" in answer, "headers" in answer) == (several, not several)
    check_answer(as_direct(answer))


def test_other_methods_by_a_load_balancer(aws: LocalServer) -> None:
    answer = ask(recorded("load_balancer_get", httpMethod="DELETE"))

    assert answer["statusDescription"] == "405 Method Not Allowed"
    assert answer["headers"]["Allow"] == "GET, POST"


def test_an_image_as_base64_in_json(aws: LocalServer) -> None:
    aws.requests.clear()
    answer = ask({"image": base64.b64encode(PHOTO).decode(), "top_k": 1})

    assert answer["statusCode"] == 200
    assert len(json.loads(answer["body"])["predictions"]) == 1
    assert aws.requests[-1][3] == PHOTO
    check_answer(answer)


def written(caplog: pytest.LogCaptureFixture) -> str:
    return "".join(str(vars(record)) for record in caplog.records)


def test_neither_answer_nor_log_quotes_a_key(aws: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    for event in (
        {"s3_uri": f"s3://data/{SIGNED_KEY}"},
        {"s3_uri": f"https://data.s3.amazonaws.com/{SIGNED_KEY}"},
        {"url": f"https://me:s3cret@example.com/{SIGNED_KEY}"},
        {"url": aws.url(f"/photo.jpg?{SIGNED_KEY}"), "urls": []},
        {"url": f"http://127.0.0.1:9/{SIGNED_KEY}"},
        {"image": SIGNED_KEY},
        recorded("function_url_get", queryStringParameters={"s3_uri": f"s3://data/{SIGNED_KEY}"}),
    ):
        answer = ask(event)
        assert answer["statusCode"] in {400, 403, 404, 502}
        assert "s3cret" not in answer["body"]
        assert "AKIAEXAMPLE" not in answer["body"]
    assert written(caplog).count("'code'") >= 7
    assert "s3cret" not in written(caplog)
    assert "AKIAEXAMPLE" not in written(caplog)


def test_a_list_of_hosts_that_is_malformed_is_told_in_the_log(
    aws: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DENIED_HOSTS", "https://evil.example")
    forget()
    try:
        answer = ask({"url": aws.url("/photo.jpg")})
    finally:
        monkeypatch.undo()
        forget()

    assert answer["statusCode"] == 500
    assert "write the host without https://" in written(caplog)


# Nothing of it leads anywhere but to a port of this machine on which nobody listens.
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "http://127.0.0.1:9/a.jpg",
            "HTTP://",
            "data:image/png;base64,AAAA",
            "s3://other/uploads/a.jpg",
            "GET",
            "POST",
            base64.b64encode(PHOTO).decode(),
            base64.b64encode(b'{"url": "ftp://x"}').decode(),
            '{"image": "AAAA"}',
            '{"urls": ["x", 1]}',
            "[" * 5000,
            "image/jpeg",
            "\ud800",
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "url",
        "urls",
        "s3_uri",
        "image",
        "top_k",
        "min_probability",
        "endpoint_name",
        "Content-Type",
        "content-type",
    ]
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=4)
PARTS = {
    "httpMethod": st.one_of(st.sampled_from(["GET", "POST", "PUT"]), VALUES),
    "queryStringParameters": st.one_of(FIELDS, VALUES),
    "multiValueQueryStringParameters": st.one_of(
        st.dictionaries(NAMES, st.lists(TEXTS, max_size=3), max_size=3), VALUES
    ),
    "headers": st.one_of(FIELDS, VALUES),
    "multiValueHeaders": st.one_of(FIELDS, VALUES),
    "body": st.one_of(FIELDS.map(json.dumps), TEXTS, VALUES),
    "isBase64Encoded": st.one_of(st.booleans(), VALUES),
    "requestContext": st.one_of(
        st.just({}),
        st.fixed_dictionaries({"elb": VALUES}),
        st.fixed_dictionaries({"http": st.fixed_dictionaries({}, optional={"method": VALUES})}),
        st.fixed_dictionaries({"http": st.fixed_dictionaries({"method": st.sampled_from(["GET", "POST"])})}),
        VALUES,
    ),
}
EVENTS_OF_ANY_FORM = st.one_of(
    FIELDS, VALUES, st.fixed_dictionaries({}, optional={**PARTS, "url": VALUES, "Records": VALUES})
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(event=EVENTS_OF_ANY_FORM)
def test_any_event_gets_an_answer_that_is_no_unexpected_error(aws: LocalServer, event: Any) -> None:
    answer = ask(event)

    assert answer["statusCode"] != 500, answer["body"]
    json.dumps(answer)
    check_answer(as_direct(answer))
