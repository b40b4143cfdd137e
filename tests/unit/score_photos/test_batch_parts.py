"""A batch's part: written once, and what it has for good is not made again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.common.errors import SettingsError
from functions.score_photos import handler as handler_module
from functions.score_photos.batches import Batch, BatchError, Photo, read_batch
from functions.score_photos.parts import MAX_TRIES, Parts
from functions.score_photos.scoring import failure
from tests.support.lambda_context import LambdaContext
from tests.unit.score_photos.scoring_doubles import FakeS3, batch, client_error

VARIABLES = {
    "DATA_BUCKET": "data",
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "POINTER_CACHE_S": "5",
    "MAX_IMAGE_BYTES": "1000",
    "MAX_IMAGE_PIXELS": "1000",
}
Make = Callable[[list[Photo]], list[dict[str, Any]]]


def scored(made: list[str]) -> Make:
    def make(photos: list[Photo]) -> list[dict[str, Any]]:
        made.extend(photo.key for photo in photos)
        return [{"key": photo.key, "label": "cat"} for photo in photos]

    return make


def failing(*, again: bool) -> Make:
    return lambda photos: [failure(photo, "model_busy", "busy", again=again) for photo in photos]


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


def parts(s3: Any) -> Parts:
    return Parts("data", s3)


def test_a_batch_that_is_scored_is_not_scored_again(s3: FakeS3) -> None:
    made: list[str] = []
    for _ in range(2):
        lines = parts(s3).complete(batch("a", "b"), scored(made))
        assert sorted(lines) == ["a", "b"]
    assert made == ["a", "b"]
    ((key, body),) = s3.objects.items()
    assert key.startswith("scores/job-1/parts/") and key.endswith(".jsonl")
    assert [json.loads(line)["key"] for line in body.splitlines()] == ["a", "b"]


def test_another_batch_another_job_or_a_changed_photo_is_another_part() -> None:
    one = batch("a", "b")
    others = (
        batch("a"),
        one._replace(job="job-2"),
        one._replace(photos=(Photo("a", "other"), one.photos[1])),
    )
    assert len({one.part_key, *(other.part_key for other in others)}) == 4


def test_only_failures_that_may_pass_are_made_again(s3: FakeS3) -> None:
    made: list[str] = []
    parts(s3).complete(
        batch("a", "b", "c"),
        lambda photos: [
            failure(photos[0], "model_busy", "busy", again=True),
            failure(photos[1], "not_an_image", "no", again=False),
            {"key": "c", "label": "cat"},
        ],
    )
    lines = parts(s3).complete(batch("a", "b", "c"), scored(made))
    assert made == ["a"]
    assert "error" not in lines["a"] and lines["b"]["error"] == "not_an_image"


def test_who_is_slower_takes_what_the_other_has_written(s3: FakeS3) -> None:
    made: list[str] = []

    def other() -> None:
        s3.before_write = lambda: None
        parts(s3).complete(batch("a"), scored([]))

    s3.before_write = other
    assert parts(s3).complete(batch("a"), scored(made)) == {"a": {"key": "a", "label": "cat"}}
    assert made == ["a"] and len(s3.objects) == 1


def test_a_conflict_without_end_is_an_error(s3: FakeS3) -> None:
    tries: list[int] = []

    def refuse() -> None:
        tries.append(1)
        raise client_error("ConditionalRequestConflict", 409)

    s3.before_write = refuse
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        parts(s3).complete(batch("a"), scored([]))
    assert len(tries) == MAX_TRIES


def test_an_error_of_s3_is_not_taken_for_a_conflict(s3: FakeS3) -> None:
    def refuse() -> None:
        raise client_error("AccessDenied", 403)

    s3.before_write = refuse
    with pytest.raises(ClientError, match="AccessDenied"):
        parts(s3).complete(batch("a"), scored([]))


def test_the_event_of_step_functions_is_read() -> None:
    event = {
        "job": "job-1",
        "bucket": "photos",
        "photos": [{"Key": "in/", "Size": 0}, {"Key": "in/a.jpg", "Etag": '"1"', "Size": 3}],
    }
    assert read_batch(event) == Batch("job-1", "photos", (Photo("in/a.jpg", "1"),))


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"job": "../x", "bucket": "b", "photos": []},
        {"job": "x", "bucket": 3, "photos": []},
        {"job": "x", "bucket": "b", "photos": [{}]},
        {"job": "x", "bucket": "b", "photos": ["a.jpg"]},
        {"job": "x", "bucket": "b", "photos": "a.jpg"},
    ],
)
def test_what_is_no_batch_is_refused(event: Any) -> None:
    with pytest.raises(BatchError):
        read_batch(event)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, s3: FakeS3) -> FakeS3:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    handler_module._settings.cache_clear()
    monkeypatch.setattr(handler_module, "client", lambda _: s3)
    return s3


def test_a_batch_that_was_lost_is_recorded_photo_by_photo(deployed: FakeS3) -> None:
    event = {"job": "job-1", "bucket": "photos", "photos": [{"Key": "a"}, {"Key": "b"}]}
    lost = {**event, "lost": {"Error": "Lambda.Unknown", "Cause": "\x1b[31mout of memory"}}
    answer = handler_module.handler(lost, LambdaContext("dropserve-score-photos"))
    assert answer == {"photos": 2, "failed": 2}
    (body,) = deployed.objects.values()
    for line in map(json.loads, body.splitlines()):
        assert (line["error"], line["again"]) == ("batch_lost", True)
        assert "Lambda.Unknown" in line["reason"] and "\x1b" not in line["reason"]


@pytest.mark.parametrize("missing", sorted(VARIABLES))
def test_a_missing_variable_is_named(deployed: FakeS3, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    event = {"job": "job-1", "bucket": "photos", "photos": [{"Key": "a"}]}
    with pytest.raises(SettingsError, match=missing):
        handler_module.handler(event, LambdaContext("dropserve-score-photos"))
