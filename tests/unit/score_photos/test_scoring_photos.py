"""A photo of a scoring job: its answer, or why it has none, and whether another try may give one."""

import io
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image

from contracts.limits import MAX_PAYLOAD_BYTES
from contracts.scoring import CALLS_AT_ONCE, CALLS_BEGUN, PHOTOS_A_CALL
from functions.common.documents import check_document
from functions.inference.fetching.deadlines import Deadline
from functions.score_photos import scoring
from functions.score_photos.scoring import Line
from tests.unit.score_photos.scoring_doubles import (
    ANSWER,
    OTHER_RUN,
    RUN,
    FakeEndpoint,
    batch,
    client_error,
    release,
    scorer,
)


def jpeg(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(stream, "JPEG")
    return stream.getvalue()


def _without_classes() -> dict[str, Any]:
    return {name: value for name, value in ANSWER.items() if name != "classes"}


def lines(endpoint: FakeEndpoint, images: dict[str, bytes], *keys: str, left_s: float = 60) -> list[Line]:
    asked = batch(*keys)
    found = scorer(endpoint, images).score(asked, list(asked.photos), Deadline.after(left_s))
    for line in found:
        check_document("photo_score", line)
    return found


def test_an_answer_has_the_likeliest_labels_and_the_release() -> None:
    (line,) = lines(FakeEndpoint(), {"a.jpg": jpeg()}, "a.jpg")
    assert line["predictions"] == [
        {"label": "dog", "probability": 0.75},
        {"label": "cat", "probability": 0.25},
    ]
    assert (line["key"], line["etag"]) == ("a.jpg", "etag of a.jpg")
    assert (line["release"], line["run_id"]) == (f"dropserve-{RUN}", RUN)
    assert "unknown" not in line


def test_a_model_that_can_tell_says_that_it_does_not_know_a_photo() -> None:
    told = {**ANSWER, "unknown": True, "unknown_score": 9.5, "unknown_threshold": 4.0}
    (line,) = lines(FakeEndpoint(told), {"a.jpg": jpeg()}, "a.jpg")
    assert (line["unknown"], line["unknown_score"]) == (True, 9.5)


def test_one_bad_photo_costs_the_others_nothing() -> None:
    images = {"a.jpg": jpeg(), "notes.txt": b"hello", "cut.jpg": jpeg()[:-20]}
    told = {"classes": ANSWER["classes"], "predictions": [{"error": "bad image"}, _without_classes()]}
    found = lines(FakeEndpoint(told), images, "notes.txt", "gone.jpg", "cut.jpg", "a.jpg")
    assert [(line.get("error"), line.get("again")) for line in found] == [
        ("not_an_image", False),
        ("image_not_found", False),
        ("damaged_image", False),
        (None, None),
    ]


def test_a_damaged_photo_that_is_refused_alone_is_told_as_damaged() -> None:
    refused = client_error("ModelError", 424)
    refused.response["OriginalStatusCode"] = 400  # type: ignore[typeddict-unknown-key]
    (line,) = lines(FakeEndpoint(refused), {"cut.jpg": jpeg()[:-20]}, "cut.jpg")
    assert (line["error"], line["again"]) == ("damaged_image", False)


def test_photos_are_asked_about_together_and_several_calls_at_once() -> None:
    together = threading.Barrier(CALLS_AT_ONCE, timeout=30)

    def answer() -> dict[str, Any]:
        together.wait()
        return ANSWER

    keys = [f"{number:02}.jpg" for number in range(CALLS_AT_ONCE * PHOTOS_A_CALL)]
    endpoint = FakeEndpoint(answer)
    found = lines(endpoint, dict.fromkeys(keys, jpeg()), *keys)
    assert [line["key"] for line in found if "release" in line] == keys
    assert endpoint.at_once == CALLS_AT_ONCE
    assert endpoint.photos_a_call == [PHOTOS_A_CALL] * CALLS_AT_ONCE


def test_the_next_photos_are_read_while_calls_are_answered_and_no_more() -> None:
    keys = [f"{number:03}.jpg" for number in range(4 * CALLS_BEGUN * PHOTOS_A_CALL)]
    begun, enough, answers = Counter[str](), threading.Event(), threading.Event()

    class Images(dict[str, bytes]):
        def __getitem__(self, key: str) -> bytes:
            begun[key] += 1
            if len(begun) == CALLS_BEGUN * PHOTOS_A_CALL:
                enough.set()
            return super().__getitem__(key)

    def answer() -> dict[str, Any]:
        answers.wait(timeout=30)
        return ANSWER

    endpoint = FakeEndpoint(answer)
    with ThreadPoolExecutor(1) as other:
        scored = other.submit(lines, endpoint, Images(dict.fromkeys(keys, jpeg())), *keys)
        assert enough.wait(timeout=30)
        assert sorted(begun) == keys[: CALLS_BEGUN * PHOTOS_A_CALL]
        answers.set()
        assert [line["key"] for line in scored.result() if "release" in line] == keys
    assert set(begun.values()) == {1}


def test_a_call_is_no_larger_than_the_endpoint_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "MAX_CALL_BYTES", 2 * len(jpeg()))
    endpoint = FakeEndpoint()
    keys = [f"{number}.jpg" for number in range(5)]
    assert all("release" in line for line in lines(endpoint, dict.fromkeys(keys, jpeg()), *keys))
    assert endpoint.photos_a_call == [2, 2, 1]


def test_photos_as_large_as_can_be_fit_into_a_call_in_base64() -> None:
    encoded = -(-scoring.MAX_CALL_BYTES // 3) * 4
    assert encoded + 1024 * PHOTOS_A_CALL < MAX_PAYLOAD_BYTES


def test_a_photo_that_the_model_refuses_costs_the_others_nothing() -> None:
    told = {"classes": ANSWER["classes"], "predictions": [_without_classes(), {"error": "no"}]}
    found = lines(FakeEndpoint(told), {"a.jpg": jpeg(), "b.jpg": jpeg()}, "a.jpg", "b.jpg")
    assert [line.get("error") for line in found] == [None, "image_refused"]


def test_a_call_that_is_refused_is_made_photo_by_photo() -> None:
    refused = client_error("ModelError", 424)
    refused.response["OriginalStatusCode"] = 413  # type: ignore[typeddict-unknown-key]
    endpoint = FakeEndpoint(refused, ANSWER)
    found = lines(endpoint, {"a.jpg": jpeg(), "b.jpg": jpeg()}, "a.jpg", "b.jpg")
    assert all("release" in line for line in found)
    assert endpoint.photos_a_call == [2, 1, 1]


@pytest.mark.parametrize("predictions", [[], [{}, {}], "no", [{"scores": [1.0], "probabilities": [1.0]}] * 2])
def test_an_answer_that_is_none_is_the_endpoints_fault(predictions: Any) -> None:
    told = {"classes": ANSWER["classes"], "predictions": predictions}
    found = lines(FakeEndpoint(told), {"a.jpg": jpeg(), "b.jpg": jpeg()}, "a.jpg", "b.jpg")
    assert {(line["error"], line["again"]) for line in found} == {("endpoint_failed", True)}


def test_a_busy_endpoint_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BUSY_PAUSE_S", 0.01)
    busy = client_error("ThrottlingException", 400)
    # Five: more than the endpoint's own tries.
    (line,) = lines(FakeEndpoint(*[busy] * 5, ANSWER), {"a.jpg": jpeg()}, "a.jpg")
    assert line["release"] == f"dropserve-{RUN}"


def test_an_endpoint_that_stays_busy_may_answer_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.score_photos.scoring.random.uniform", lambda _, most: 1000 * most)
    monkeypatch.setattr("functions.inference.endpoint.time.sleep", lambda _: None)
    (line,) = lines(FakeEndpoint(client_error("ThrottlingException", 400)), {"a.jpg": jpeg()}, "a.jpg")
    assert (line["error"], line["again"]) == ("model_busy", True)


def test_a_release_that_was_replaced_is_followed() -> None:
    endpoint = FakeEndpoint()

    def gone() -> Exception:
        endpoint.pointer = release(OTHER_RUN)
        return client_error("ValidationError", 400)

    endpoint.answers = [gone, ANSWER]
    (line,) = lines(endpoint, {"a.jpg": jpeg()}, "a.jpg")
    assert line["run_id"] == OTHER_RUN
    assert endpoint.asked == [f"dropserve-{RUN}", f"dropserve-{OTHER_RUN}"]


def test_a_canary_scores_nothing() -> None:
    canary = {**release(OTHER_RUN), "share": 1.0}
    (line,) = lines(FakeEndpoint(pointer=release(canary=canary)), {"a.jpg": jpeg()}, "a.jpg")
    assert line["run_id"] == RUN


@pytest.mark.parametrize(
    ("pointer", "code"), [({}, "no_live_model"), (release(paused_at="2026-01-31T12:00:00Z"), "paused")]
)
def test_nothing_live_is_no_photos_fault(pointer: dict[str, Any], code: str) -> None:
    endpoint = FakeEndpoint()
    endpoint.pointer = pointer
    (line,) = lines(endpoint, {"a.jpg": jpeg()}, "a.jpg")
    assert (line["error"], line["again"]) == (code, True)


def test_what_nobody_foresaw_is_told_by_its_kind_alone() -> None:
    (line,) = lines(FakeEndpoint(RuntimeError("https://secret")), {"a.jpg": jpeg()}, "a.jpg")
    assert (line["error"], line["reason"], line["again"]) == ("internal_error", "RuntimeError", True)


def test_photos_that_there_is_no_time_for_are_tried_another_time() -> None:
    found = lines(FakeEndpoint(), {"a.jpg": jpeg(), "b.jpg": jpeg()}, "a.jpg", "b.jpg", left_s=0.5)
    assert {(line["error"], line["again"]) for line in found} == {("out_of_time", True)}
