"""The whole function, against an image host and AWS calls that are real servers on this machine."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.inference import endpoint, handler
from functions.inference.events import requests, responses
from functions.inference.prediction import NO_EXPLANATION
from tests.support.seeded_noise import noise
from tests.unit.inference.api_document import check_answer
from tests.unit.inference.aws_replies import (
    ANSWER,
    RELEASE,
    RUN_ID,
    aws_error,
    environment,
    invocations,
    live_pointer_value,
    pointer,
    ssm_parameter,
)
from tests.unit.inference.fetching.image_host import LocalServer, Reply, redirect, send, send_json
from tests.unit.inference.images.pictures import encode, two_colours
from tests.unit.inference.lambda_process import context, forget

Ask = Callable[..., tuple[dict[str, Any], dict[str, Any]]]
NEWER_ID = "f" * 32
CANARY = f"dropserve-{NEWER_ID}"
PHOTO = encode(two_colours(99, 99), "JPEG")


@pytest.fixture
def aws(serve: Callable[..., LocalServer], photo: bytes) -> LocalServer:
    return serve(
        {
            "/": ssm_parameter(live_pointer_value()),
            invocations(): send_json(ANSWER),
            f"/data/runs/{RUN_ID}/acceptance/00.jpg": send(photo),
        }
    )


@pytest.fixture
def images(serve: Callable[..., LocalServer], photo: bytes) -> LocalServer:
    return serve({"/dog.jpg": send(photo)})


@pytest.fixture
def ask(aws: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Invokes the handler as a fresh worker would; gives the answer and its parsed body."""
    for name, value in environment(aws).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(endpoint, "BACKOFF_S", 0.001)
    # Read from the environment when it was made, perhaps for another test.
    monkeypatch.setattr(handler.metrics.provider, "namespace", "dropserve")
    forget()

    def invoke(event: Any, left_ms: int = 20_000) -> tuple[dict[str, Any], dict[str, Any]]:
        answer = handler.handler(event, context(1, left_ms))
        check_answer(answer)
        return answer, json.loads(answer["body"])

    yield invoke
    forget()


def invoked_endpoints(aws: LocalServer) -> list[str]:
    return [path for _, path, _, _ in aws.requests if path.startswith("/endpoints/")]


def test_a_url_is_answered_with_the_live_models_classes(
    ask: Ask, aws: LocalServer, images: LocalServer, photo: bytes
) -> None:
    answer, body = ask({"url": images.url("/dog.jpg?token=s3cret"), "top_k": 2})

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "application/json"
    assert body == {
        "predictions": [
            {"label": "collie", "probability": 0.6439},
            {"label": "pug", "probability": 0.2369},
        ],
        "classes": ANSWER["classes"],
        "scores": ANSWER["scores"],
        "model": {"release": RELEASE, "run_id": RUN_ID},
        "request_id": "00000000-0000-4000-8000-000000000001",
    }
    _, _, headers, sent = aws.requests[-1]
    assert (headers["Content-Type"], sent) == ("image/jpeg", photo)


def test_a_function_url_is_answered_alike(ask: Ask, images: LocalServer) -> None:
    context = {"requestId": "r", "http": {"method": "GET", "path": "/"}}
    event = {
        "version": "2.0",
        "requestContext": context,
        "queryStringParameters": {"url": images.url("/dog.jpg")},
    }

    answer, body = ask(event)

    assert answer["statusCode"] == 200
    assert [one["label"] for one in body["predictions"]] == ["collie", "pug", "poodle", "beagle"]


def test_the_least_likely_classes_are_left_out_when_asked(ask: Ask, images: LocalServer) -> None:
    url = images.url("/dog.jpg")

    _, likely = ask({"url": url, "min_probability": 0.2369})
    _, none = ask({"url": url, "min_probability": 0.9, "top_k": 3})

    assert [one["label"] for one in likely["predictions"]] == ["collie", "pug"]
    assert none["predictions"] == []
    assert none["scores"] == ANSWER["scores"], "every class's score is there all the same"


def post(body: bytes, content_type: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    """An event of a Function URL, as Lambda makes it of a POST with a binary body."""
    return {
        "version": "2.0",
        "headers": {"content-type": content_type},
        "requestContext": {"requestId": "r", "http": {"method": "POST", "path": "/"}},
        "queryStringParameters": query or {},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def test_an_image_may_be_the_body(ask: Ask, aws: LocalServer, photo: bytes) -> None:
    answer, body = ask(post(photo, "image/jpeg", {"top_k": "1"}))

    assert answer["statusCode"] == 200
    assert [one["label"] for one in body["predictions"]] == ["collie"]
    assert aws.requests[-1][3] == photo


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"<svg/>", "image/svg+xml", (415, "not_an_image")),
        (b"\xff\xd8\xff" + b"x" * 2_000_000, "image/jpeg", (413, "image_too_large")),
        (b"\xff\xd8\xff" + b"x" * 100, "image/jpeg", (415, "not_an_image")),
        (PHOTO[:-200], "image/jpeg", (400, "damaged_image")),
        (b"a=b", "application/x-www-form-urlencoded", (400, "bad_request")),
    ],
)
def test_a_bad_body_has_its_status_and_code(
    ask: Ask, aws: LocalServer, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    answer, problem = ask(post(body, content_type))

    assert (answer["statusCode"], problem["code"]) == expected
    assert invoked_endpoints(aws) == []


def test_an_uploaded_object_is_classified(ask: Ask, aws: LocalServer, photo: bytes) -> None:
    aws.replies["/data/uploads/my%20dog.jpg"] = send(photo)

    answer, body = ask({"s3_uri": "s3://data/uploads/my dog.jpg"})

    assert answer["statusCode"] == 200
    assert body["model"] == {"release": RELEASE, "run_id": RUN_ID}
    assert aws.requests[-1][3] == photo


def test_no_other_object_is_asked_for(ask: Ask, aws: LocalServer) -> None:
    for uri in ("s3://data/drops/dogs.zip", "s3://other/uploads/a.jpg", "s3://data/uploads/../drops/a.jpg"):
        answer, body = ask({"s3_uri": uri})

        assert (answer["statusCode"], body["code"]) == (403, "forbidden_address")
    assert aws.requests == []


def test_each_of_several_urls_has_its_result_or_its_problem_in_its_place(
    ask: Ask, aws: LocalServer, images: LocalServer
) -> None:
    images.replies["/page"] = send(b"<html>")
    urls = [
        images.url("/dog.jpg"),
        "http://169.254.169.254/",
        images.url("/page?token=s3cret"),
        "nonsense",
        images.url("/dog.jpg?again"),
    ]

    answer, body = ask({"urls": urls, "top_k": 1})

    assert answer["statusCode"] == 200
    outcomes = [(one["status"], one.get("code")) for one in body["results"]]
    assert outcomes == [
        (200, None),
        (403, "forbidden_address"),
        (415, "not_an_image"),
        (400, "bad_request"),
        (200, None),
    ]
    for result in (body["results"][0], body["results"][4]):
        assert [one["label"] for one in result["predictions"]] == ["collie"]
        assert result["scores"] == ANSWER["scores"]
    assert len(invoked_endpoints(aws)) == 2
    assert "s3cret" not in answer["body"]


def test_several_images_are_fetched_and_classified_at_once(
    ask: Ask, aws: LocalServer, images: LocalServer, photo: bytes
) -> None:
    """Each answer waits until all are asked for: one after the other, the first would wait for ever."""
    for server, path, reply in (
        (images, "/together.jpg", send(photo)),
        (aws, invocations(), send_json(ANSWER)),
    ):
        server.replies[path] = together(requests.MAX_URLS, reply)

    _, body = ask({"urls": [images.url(f"/together.jpg?{number}") for number in range(requests.MAX_URLS)]})

    assert [one["status"] for one in body["results"]] == [200] * requests.MAX_URLS


def together(count: int, reply: Reply) -> Reply:
    barrier = threading.Barrier(count, timeout=5)

    def wait_and_reply(request: Any) -> None:
        barrier.wait()
        reply(request)

    return wait_and_reply


def test_one_slow_host_of_several_does_not_cost_the_others_their_answers(
    ask: Ask, images: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FETCH_TIMEOUT_S", "0.5")
    forget()
    released = threading.Event()
    images.replies["/slow"] = lambda request: released.wait(10)
    try:
        _, body = ask({"urls": [images.url("/slow"), images.url("/dog.jpg")]})
    finally:
        released.set()

    assert [one["status"] for one in body["results"]] == [504, 200]


def test_a_batch_follows_the_pointer_when_the_endpoint_vanishes(
    ask: Ask, aws: LocalServer, images: LocalServer
) -> None:
    newer = f"dropserve-{NEWER_ID}"
    aws.replies["/"] = ssm_parameter(live_pointer_value(), live_pointer_value(NEWER_ID))
    aws.replies[invocations(newer)] = send_json(ANSWER)
    aws.replies[invocations()] = aws_error("ValidationError", "not found", 400)

    _, body = ask({"urls": [images.url("/dog.jpg")] * 4})

    assert [one["model"]["release"] for one in body["results"]] == [newer] * 4


def test_a_batch_before_the_first_release_is_one_problem(ask: Ask, aws: LocalServer) -> None:
    aws.replies["/"] = ssm_parameter("{}")

    answer, body = ask({"urls": ["https://example.com/a.jpg"]})

    assert (answer["statusCode"], body["code"]) == (503, "no_live_model")


def test_a_release_is_checked_before_it_is_live(ask: Ask, aws: LocalServer) -> None:
    candidate = f"dropserve-{NEWER_ID}"
    aws.replies[invocations(candidate)] = send_json(ANSWER)

    _, body = ask({"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/00.jpg", "endpoint_name": candidate})

    assert body["predictions"][0]["label"] == "collie"
    assert body["model"] == {"release": candidate, "run_id": RUN_ID}
    assert not [path for _, path, _, _ in aws.requests if path == "/"], "the live pointer has no say in it"


def scores_of(classes: int, label: str) -> dict[str, Any]:
    """A model server's answer about that many classes of 255 characters, all equally likely."""
    labels = [f"{number:04d}{label * 251}" for number in range(classes)]
    return {"classes": labels, "scores": [0.0] * classes, "probabilities": [1 / classes] * classes}


@pytest.mark.parametrize("label", ["x", "\N{DOG FACE}", '"'])
def test_the_check_of_a_release_is_answered_in_few_bytes(ask: Ask, aws: LocalServer, label: str) -> None:
    candidate = f"dropserve-{NEWER_ID}"
    aws.replies[invocations(candidate)] = send_json(scores_of(5000, label))
    check = {"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/00.jpg", "endpoint_name": candidate, "top_k": 1}

    answer, body = ask(check)

    assert body["predictions"][0]["label"].endswith(label * 251)
    # Inside the workflow's state, which is at most 262,144 bytes in all.
    assert len(json.dumps(answer)) < 10_000


@pytest.mark.parametrize(("label", "has_classes"), [("x", True), ("é", False), ("\N{DOG FACE}", False)])
def test_an_answer_is_never_larger_than_lambda_takes(
    ask: Ask, aws: LocalServer, images: LocalServer, label: str, has_classes: bool
) -> None:
    aws.replies[invocations()] = send_json(scores_of(5000, label))

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert len(json.dumps(answer)) <= 6 * 1024**2
    assert answer["statusCode"] == 200
    assert len(body["predictions"]) == 5
    assert ("classes" in body, "scores" in body) == (has_classes, has_classes)


def test_an_answer_about_many_images_is_never_larger_than_lambda_takes(
    ask: Ask, aws: LocalServer, images: LocalServer
) -> None:
    aws.replies[invocations()] = send_json(scores_of(5000, "\N{DOG FACE}"))
    urls = [images.url("/dog.jpg")] * 10

    few, few_body = ask({"urls": urls})
    many, many_body = ask({"urls": urls, "top_k": 1000})

    assert len(json.dumps(few)) <= 6 * 1024**2
    assert [len(each["predictions"]) for each in few_body["results"]] == [5] * 10
    assert (many["statusCode"], many_body["code"]) == (400, "bad_request")
    assert "smaller top_k" in many_body["detail"]


def s3_error(code: str, status: int) -> Reply:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    return send(body, status=status, headers={"Content-Type": "application/xml"})


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (s3_error("NoSuchKey", 404), (404, "image_not_found")),
        (s3_error("AccessDenied", 403), (404, "image_not_found")),
        (s3_error("SlowDown", 503), (502, "image_host_failed")),
        (send(b"x" * 2_000_001), (413, "image_too_large")),
    ],
)
def test_the_image_of_a_check_cannot_be_read(
    ask: Ask, aws: LocalServer, reply: Reply, expected: tuple[int, str]
) -> None:
    aws.replies[f"/data/runs/{RUN_ID}/acceptance/00.jpg"] = reply

    answer, body = ask({"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/00.jpg", "endpoint_name": RELEASE})

    assert (answer["statusCode"], body["code"]) == expected


def test_a_large_photo_is_sent_smaller(ask: Ask, aws: LocalServer, images: LocalServer) -> None:
    large = encode(noise((1600, 1200), 60), "JPEG")
    images.replies["/large.jpg"] = send(large)

    answer, _ = ask({"url": images.url("/large.jpg")})

    assert answer["statusCode"] == 200
    _, _, headers, sent = aws.requests[-1]
    assert headers["Content-Type"] == "image/jpeg"
    assert len(sent) < len(large) / 2


def test_a_vanished_endpoint_is_left_for_the_one_that_the_pointer_names_now(
    ask: Ask, aws: LocalServer, images: LocalServer
) -> None:
    newer = f"dropserve-{NEWER_ID}"
    aws.replies["/"] = ssm_parameter(live_pointer_value(), live_pointer_value(NEWER_ID))
    aws.replies[invocations(newer)] = send_json(ANSWER)
    event = {"url": images.url("/dog.jpg")}
    assert ask(event)[1]["model"]["release"] == RELEASE
    aws.replies[invocations()] = aws_error(
        "ValidationError", f"Endpoint {RELEASE} of account 123456789012 not found.", 400
    )

    answers = [ask(event) for _ in range(2)]

    assert [answer["statusCode"] for answer, _ in answers] == [200, 200]
    assert [body["model"] for _, body in answers] == [{"release": newer, "run_id": NEWER_ID}] * 2
    assert invoked_endpoints(aws) == [invocations(), invocations(), invocations(newer), invocations(newer)]
    assert len(images.requests) == 3, "the image is fetched once a request"


def canary_pointer_value() -> str:
    """A pointer whose canary gets all the requests."""
    named = {"release": CANARY, "endpoint_name": CANARY, "run_id": NEWER_ID, "share": 1.0}
    return json.dumps({**pointer(), "canary": named})


def emitted(text: str, name: str) -> list[tuple[str, float]]:
    """Track and value of each metric of this name in what a worker printed."""
    documents = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    return [(each["track"], each[name][0]) for each in documents if "track" in each and name in each]


@pytest.mark.parametrize(
    "failure",
    [
        aws_error("ModelError", "it failed", 424, OriginalStatusCode=500, OriginalMessage="it failed"),
        aws_error("ServiceUnavailable", "busy", 503),
        aws_error("ValidationError", "not found", 400),
        send_json({"classes": ["dog"]}),
    ],
    ids=["fails", "is busy", "is gone", "answers otherwise"],
)
def test_whom_a_canary_fails_the_live_release_answers(
    ask: Ask, aws: LocalServer, images: LocalServer, capsys: pytest.CaptureFixture[str], failure: Reply
) -> None:
    aws.replies["/"] = ssm_parameter(canary_pointer_value())
    aws.replies[invocations(CANARY)] = failure

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert (answer["statusCode"], body["model"]["release"]) == (200, RELEASE)
    assert invocations(CANARY) in invoked_endpoints(aws)
    assert emitted(capsys.readouterr().out, "ModelFailure") == [("canary", 1), ("live", 0)]


def test_a_canary_answers_and_is_measured_by_itself(
    ask: Ask, aws: LocalServer, images: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.replies["/"] = ssm_parameter(canary_pointer_value())
    aws.replies[invocations(CANARY)] = send_json({**ANSWER, "probabilities": [0.3, 0.25, 0.25, 0.2]})

    assert ask({"url": images.url("/dog.jpg")})[1]["model"]["release"] == CANARY
    printed = capsys.readouterr().out
    assert emitted(printed, "ModelFailure") == [("canary", 0)]
    assert emitted(printed, "LowConfidence") == [("canary", 1)]
    assert emitted(printed, "UnknownPhoto") == []
    assert [track for track, ms in emitted(printed, "ModelLatency") if ms > 0] == ["canary"]


def test_an_unknown_image_is_answered_so_and_counted(
    ask: Ask, aws: LocalServer, images: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"unknown": True, "unknown_score": 2.5, "unknown_threshold": 1.8}
    aws.replies[invocations(RELEASE)] = send_json({**ANSWER, **told})

    _, body = ask({"url": images.url("/dog.jpg")})

    assert {name: body[name] for name in told} == told
    assert body["scores"] == ANSWER["scores"]
    assert emitted(capsys.readouterr().out, "UnknownPhoto") == [("live", 1)]


@pytest.mark.parametrize("told", [{"label": "dog", "png": "iVBORw0KGgo="}, None])
def test_a_heat_map_is_in_the_answer_that_asks_for_it(
    ask: Ask, aws: LocalServer, images: LocalServer, told: dict[str, str] | None
) -> None:
    aws.replies[invocations(RELEASE)] = send_json({**ANSWER, **({"explanation": told} if told else {})})

    _, body = ask({"url": images.url("/dog.jpg"), "explain": True})
    assert body["explanation"] == (told or {"refused": NO_EXPLANATION})
    assert "explanation" not in ask({"url": images.url("/dog.jpg")})[1]


def test_the_acceptance_test_is_no_traffic(
    ask: Ask, aws: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    ask({"s3_uri": f"s3://data/runs/{RUN_ID}/acceptance/00.jpg", "endpoint_name": RELEASE})
    assert emitted(capsys.readouterr().out, "ModelFailure") == []


def test_a_vanished_endpoint_with_no_newer_release_is_unavailable(
    ask: Ask, aws: LocalServer, images: LocalServer
) -> None:
    aws.replies[invocations()] = aws_error("ValidationError", "not found", 400)

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert (answer["statusCode"], body["code"]) == (503, "endpoint_gone")
    assert answer["headers"]["Retry-After"]
    assert len(invoked_endpoints(aws)) == 1


def test_a_release_that_was_taken_back_leaves_no_model_live(
    ask: Ask, aws: LocalServer, images: LocalServer
) -> None:
    aws.replies["/"] = ssm_parameter(live_pointer_value(), "{}")
    aws.replies[invocations()] = aws_error("ValidationError", "not found", 400)

    assert ask({"url": images.url("/dog.jpg")})[1]["code"] == "no_live_model"


def test_before_the_first_release_nothing_is_fetched(ask: Ask, aws: LocalServer, images: LocalServer) -> None:
    aws.replies["/"] = ssm_parameter("{}")

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert answer["statusCode"] == 503
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body == {
        "type": "urn:dropserve:problem:no_live_model",
        "title": "No model is live",
        "status": 503,
        "detail": body["detail"],
        "code": "no_live_model",
        "retry_after_s": 30,
        "request_id": "00000000-0000-4000-8000-000000000001",
    }
    assert "no model is live" in body["detail"]
    assert images.requests == []


def test_without_its_parameter_no_model_is_live_yet(ask: Ask, aws: LocalServer, images: LocalServer) -> None:
    aws.replies["/"] = aws_error("ParameterNotFound", "none", 400)

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert (answer["statusCode"], body["code"]) == (503, "no_live_model")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (send(status=404), (404, "image_not_found")),
        (send(status=500), (502, "image_host_failed")),
        (redirect("http://169.254.169.254/x"), (403, "forbidden_address")),
        (send(b"x", declare=2_000_001), (413, "image_too_large")),
        (send(b"<html></html>"), (415, "not_an_image")),
        (send(b"BMW, a maker of cars"), (415, "not_an_image")),
        (send(encode(two_colours(3000, 3000), "PNG")), (422, "too_many_pixels")),
        (send(PHOTO[:-200]), (400, "damaged_image")),
        (send(PHOTO[:-200], declare=len(PHOTO)), (502, "image_host_failed")),
    ],
)
def test_each_trouble_with_an_image_has_its_status_and_code(
    ask: Ask, aws: LocalServer, images: LocalServer, reply: Reply, expected: tuple[int, str]
) -> None:
    images.replies["/a"] = reply

    answer, body = ask({"url": images.url("/a?token=s3cret")})

    assert (answer["statusCode"], body["code"]) == expected
    assert body["status"] == answer["statusCode"]
    assert "s3cret" not in answer["body"]
    assert invoked_endpoints(aws) == []


def model_error(status: int) -> Reply:
    return aws_error("ModelError", "m", 424, OriginalStatusCode=status, OriginalMessage='{"error": "e"}')


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (model_error(400), (400, "image_refused")),
        (model_error(500), (502, "endpoint_failed")),
        (model_error(503), (503, "model_busy")),
        (aws_error("ThrottlingException", "slow down", 400), (503, "model_busy")),
        (aws_error("ServiceUnavailable", "later", 503), (503, "model_busy")),
        (aws_error("AccessDeniedException", "no", 403), (502, "endpoint_failed")),
        (send_json({"error": "what"}), (502, "endpoint_failed")),
    ],
)
def test_each_trouble_with_the_endpoint_has_its_status_and_code(
    ask: Ask, aws: LocalServer, images: LocalServer, reply: Reply, expected: tuple[int, str]
) -> None:
    aws.replies[invocations()] = reply

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert (answer["statusCode"], body["code"]) == expected
    assert ("Retry-After" in answer["headers"]) == (body["code"] == "model_busy")


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({}, 400, "bad_request"),
        (None, 400, "bad_request"),
        ({"url": "file:///etc/passwd"}, 400, "bad_request"),
        ({"url": "http://169.254.169.254/latest/"}, 403, "forbidden_address"),
        ({"url": "http://[::1]:9001/2018-06-01/runtime/invocation/next"}, 403, "forbidden_address"),
        ({"url": "http://10.0.0.1/"}, 403, "forbidden_address"),
        ({"requestContext": {"requestId": "r", "http": {"method": "PUT"}}}, 405, "method_not_allowed"),
    ],
)
def test_bad_requests(ask: Ask, event: Any, status: int, code: str) -> None:
    answer, body = ask(event)

    assert (answer["statusCode"], body["code"]) == (status, code)
    assert answer["headers"].get("Allow") == ("GET, POST" if status == 405 else None)


def test_a_request_out_of_time_is_a_504_before_lambda_times_out(ask: Ask, images: LocalServer) -> None:
    answer, body = ask({"url": images.url("/dog.jpg")}, left_ms=400)

    assert (answer["statusCode"], body["code"]) == (504, "out_of_time")
    assert images.requests == [], "what is left is needed to answer"


def test_a_missing_setting_is_an_internal_error_that_says_nothing(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATA_BUCKET")
    forget()

    answer, body = ask({"url": "https://example.com/"})

    assert (answer["statusCode"], body["code"]) == (500, "internal_error")
    assert "DATA_BUCKET" not in answer["body"]


def test_an_unforeseen_error_is_an_internal_error_without_a_stack_trace(
    ask: Ask, images: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: Any, **__: Any) -> None:
        raise RuntimeError("s3cret in a message")

    monkeypatch.setattr("functions.inference.prediction.prepare_image", burst)

    answer, body = ask({"url": images.url("/dog.jpg")})

    assert (answer["statusCode"], body["code"]) == (500, "internal_error")
    assert "s3cret" not in answer["body"]
    assert "Traceback" not in answer["body"]


def test_no_two_kinds_of_error_share_a_code() -> None:
    codes = [problem.code for problem in responses.PROBLEMS.values()] + [responses.INTERNAL.code]

    assert len(codes) == len(set(codes))
