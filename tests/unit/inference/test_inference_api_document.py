"""The OpenAPI document says what the function does; every answer of the handler's tests is checked too."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from contracts.limits import DEFAULT_TOP_K
from drops.photo_formats import MEDIA_TYPES
from functions.inference.events import requests, responses
from functions.inference.fetching import image_urls
from tests.unit.inference.api_document import DOCUMENT, check, check_answer, resolved

SCHEMAS = DOCUMENT["components"]["schemas"]


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [one for value in node.values() for one in references(value)]
    return [one for value in node for one in references(value)] if isinstance(node, list) else []


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    for reference in references(DOCUMENT):
        assert resolved({"$ref": reference})
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_each_failure_has_the_status_and_code_that_the_document_gives() -> None:
    problems = [*responses.PROBLEMS.values(), responses.INTERNAL]
    by_status: dict[int, set[str]] = {}
    for problem in problems:
        by_status.setdefault(problem.status.value, set()).add(problem.code)

    described = {
        int(status): set(
            answer["content"][responses.PROBLEM_TYPE]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        )
        for status, answer in DOCUMENT["components"]["responses"].items()
    }
    assert described == by_status
    for method in ("get", "post"):
        assert set(DOCUMENT["paths"]["/"][method]["responses"]) == {"200", *map(str, by_status)}


def test_every_503_says_when_to_try_again() -> None:
    for problem in responses.PROBLEMS.values():
        assert (problem.retry_after_s is not None) == (problem.status == 503), problem.code


@pytest.mark.parametrize("error", responses.PROBLEMS)
def test_an_answer_of_each_failure_matches(error: type[Exception]) -> None:
    check_answer(responses.answer(error("why"), "a-request"))
    check_answer(responses.batch_answer([error("why"), RuntimeError("s3cret")], "a-request"))


def test_the_limits_are_those_of_the_code() -> None:
    assert SCHEMAS["TopK"]["maximum"] == requests.MAX_TOP_K
    assert SCHEMAS["TopK"]["default"] == DEFAULT_TOP_K
    urls = SCHEMAS["UrlsRequest"]["properties"]["urls"]
    assert (
        urls["maxItems"] == SCHEMAS["BatchAnswer"]["properties"]["results"]["maxItems"] == requests.MAX_URLS
    )
    assert urls["items"]["maxLength"] == image_urls.MAX_URL_LENGTH
    taken = DOCUMENT["paths"]["/"]["post"]["requestBody"]["content"]
    assert taken.keys() == {"application/json", "application/octet-stream", *MEDIA_TYPES.values()}


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://example.com/a.jpg"},
        {"url": "https://example.com/a.jpg", "top_k": 1, "min_probability": 0.5},
        {"urls": ["https://example.com/a.jpg", "https://example.com/b.jpg"]},
        {"s3_uri": "s3://data/uploads/a.jpg", "top_k": 1000},
        {"image": "/9j/4AAQ", "top_k": 3, "explain": True},
    ],
)
def test_what_the_document_takes_the_function_takes(body: dict[str, Any]) -> None:
    schema = DOCUMENT["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    check(body, schema)
    requests.parse_request(body, data_bucket="data")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 7},
        {"urls": []},
        {"urls": ["https://example.com/"] * 11},
        {"url": "https://example.com/", "urls": ["https://example.com/"]},
        {"url": "https://example.com/", "top_k": 0},
        {"url": "https://example.com/", "top_k": 1001},
        {"url": "https://example.com/", "min_probability": 1.5},
        {"url": "https://example.com/", "other": 1},
        {"s3_uri": "s3://data/drops/a.zip"},
        {"image": ""},
        {"image": 7},
        {"image": "/9j/4AAQ", "url": "https://example.com/"},
    ],
)
def test_what_the_document_refuses_the_function_refuses(body: dict[str, Any]) -> None:
    schema = DOCUMENT["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    with pytest.raises(ValidationError):
        check(body, schema)
    with pytest.raises(tuple(responses.PROBLEMS)):
        requests.parse_request(body, data_bucket="data")


def test_an_answer_with_a_field_too_many_is_noticed() -> None:
    answer = responses.answer(RuntimeError("s3cret"), "a-request")
    check_answer(answer)
    assert "s3cret" not in answer["body"]
    body = json.loads(answer["body"])

    with pytest.raises(ValidationError):
        check_answer({**answer, "body": json.dumps({**body, "trace": "x"})})
