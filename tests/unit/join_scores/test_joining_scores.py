"""The parts of a job as one result: each photo once, and no cell that a spreadsheet runs."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from functions.common.documents import check_document
from functions.join_scores import handler as handler_module
from functions.join_scores.joining import newest_lines
from tests.support.lambda_context import LambdaContext

AT = "2026-01-31T12:00:0{}.000+00:00"


def answered(key: str, second: int = 0, release: str = "release-1", label: str = "cat") -> dict[str, Any]:
    return {
        "key": key,
        "etag": "1",
        "at": AT.format(second),
        "release": release,
        "run_id": "0" * 32,
        "predictions": [{"label": label, "probability": 0.75}, {"label": "dog", "probability": 0.25}],
        "unknown": False,
        "unknown_score": 1.0,
    }


def failed(key: str, second: int = 0, *, again: bool = True, reason: str = "busy") -> dict[str, Any]:
    return {
        "key": key,
        "etag": "1",
        "at": AT.format(second),
        "error": "model_busy",
        "reason": reason,
        "again": again,
    }


def part(*lines: dict[str, Any]) -> bytes:
    return "".join(json.dumps(check_document("photo_score", line)) + "\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("one", "other", "release"),
    [
        (answered("a", 1), answered("a", 2, "release-2"), "release-2"),
        (answered("a", 1), failed("a", 2), "release-1"),
        (failed("a", 1), answered("a", 0), "release-1"),
    ],
)
def test_of_two_lines_of_a_photo_one_counts(one: dict[str, Any], other: dict[str, Any], release: str) -> None:
    for order in ((one, other), (other, one)):
        found = newest_lines(part(each) for each in order)
        assert json.loads(found["a"])["release"] == release


class FakeS3:
    """Lists, gives and takes objects of the data bucket."""

    def __init__(self, *parts: bytes) -> None:
        self.objects = {f"scores/job-1/parts/{number}.jsonl": body for number, body in enumerate(parts)}

    def get_paginator(self, _: str) -> "FakeS3":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}, {}]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}

    def upload_file(self, name: str, bucket: str, key: str) -> None:
        self.objects[key] = Path(name).read_bytes()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[Key] = Body

    def table(self, name: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.objects[f"scores/job-1/{name}"].decode())))


def join(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("DATA_BUCKET", "data")
    monkeypatch.setattr(handler_module, "client", lambda _: s3)
    event = {"job": "job-1", "bucket": "photos", "prefix": "in/"}
    summary: dict[str, Any] = handler_module.handler(event, LambdaContext("dropserve-join-scores"))
    return summary


def test_the_result_is_in_the_order_of_the_keys_and_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = FakeS3(part(answered("b"), failed("c")), part(answered("a", release="release-2")))
    summary = join(s3, monkeypatch)
    assert (summary["photos"], summary["scored"], summary["again"]) == (3, 2, 1)
    assert summary["failures"] == {"model_busy": 1}
    assert summary["releases"] == {"release-1": 1, "release-2": 1}
    assert json.loads(s3.objects["scores/job-1/summary.json"]) == summary
    lines = [json.loads(line) for line in s3.objects["scores/job-1/scores.jsonl"].splitlines()]
    assert [line["s3_uri"] for line in lines] == ["s3://photos/a", "s3://photos/b"]
    assert s3.table("scores.csv")[1:] == [
        ["s3://photos/a", "cat", "0.750000", "no", "release-2"],
        ["s3://photos/b", "cat", "0.750000", "no", "release-1"],
    ]
    assert s3.table("failures.csv")[1:] == [["s3://photos/c", "model_busy", "busy", "yes"]]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_begins_as_a_formula(monkeypatch: pytest.MonkeyPatch, start: str) -> None:
    s3 = FakeS3(part(answered("a", label=f"{start}HYPERLINK(1)"), failed("b", reason=f"{start}1+1")))
    join(s3, monkeypatch)
    cells = [cell for name in ("scores.csv", "failures.csv") for row in s3.table(name) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells) and any("1+1" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_a_job_without_a_photo_has_an_empty_result(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = FakeS3()
    assert join(s3, monkeypatch)["photos"] == 0
    assert len(s3.table("scores.csv")) == 1


@pytest.mark.parametrize("event", [{}, {"job": "a/b", "bucket": "b"}, {"job": "job-1"}])
def test_what_names_no_job_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(handler_module.JobError):
        handler_module.handler(event, LambdaContext("dropserve-join-scores"))
