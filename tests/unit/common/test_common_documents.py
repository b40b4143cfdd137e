"""Documents and addresses: what is malformed is named."""

import json
from typing import Any

import pytest

from functions.common import documents
from functions.common.documents import SCHEMAS, check_document, parse_document, put_document
from functions.common.errors import DocumentError
from functions.common.s3_uris import S3Uri, S3UriError, parse_s3_uri

VERDICT = {
    "schema_version": 1,
    "run_id": "r",
    "min_accuracy": 0.5,
    "rule": "better",
    "forced": False,
    "champion_release": None,
    "mcnemar_p": None,
    "promote": True,
    "status": None,
    "reason": "better",
    "accuracy": 0.9,
    "champion_accuracy": None,
    "judged_against": "",
    "metrics_uri": "s3://b/metrics.json",
    "report_uri": "s3://b/report.html",
    "verdict_uri": "s3://b/verdict.json",
    "acceptance_uri": "s3://b/acceptance.json",
}


class Bucket:
    def __init__(self) -> None:
        self.puts: list[dict[str, Any]] = []

    def put_object(self, **parameters: Any) -> None:
        self.puts.append(parameters)


def test_a_sound_document_is_written_as_json() -> None:
    bucket = Bucket()
    assert put_document("verdict", VERDICT, S3Uri("b", "runs/r/verdict.json"), s3=bucket) == (
        "s3://b/runs/r/verdict.json"
    )
    (put,) = bucket.puts
    assert (put["Bucket"], put["Key"], put["ContentType"]) == ("b", "runs/r/verdict.json", "application/json")
    assert json.loads(put["Body"]) == VERDICT


def test_a_malformed_document_is_not_written_and_its_fault_is_named() -> None:
    bucket = Bucket()
    with pytest.raises(DocumentError, match=r"the verdict document is malformed: .*accuracy"):
        put_document("verdict", {**VERDICT, "accuracy": 1.5}, S3Uri("b", "k"), s3=bucket)
    assert bucket.puts == []


def test_what_is_not_json_names_where_it_came_from() -> None:
    with pytest.raises(DocumentError, match=r"s3://b/k is not JSON"):
        parse_document("verdict", b"<html>", where="s3://b/k")


# Of dropserve.toml every part may be left out.
KINDS = {path.name.split(".")[0] for path in SCHEMAS.glob("*.schema.json")} - {"settings"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_schema_refuses_an_empty_document(kind: str) -> None:
    documents._schema.cache_clear()
    with pytest.raises(DocumentError, match=f"the {kind} document is malformed"):
        check_document(kind, {})


def test_an_address_is_taken_apart_and_put_together() -> None:
    uri = parse_s3_uri("s3://bucket/drops/a b+c%20ü.zip")
    assert uri == ("bucket", "drops/a b+c%20ü.zip")
    assert str(uri) == "s3://bucket/drops/a b+c%20ü.zip"
    assert parse_s3_uri("s3://bucket") == ("bucket", "")


@pytest.mark.parametrize("text", ["", "bucket/key", "s3:/bucket/key", "https://bucket/key", "s3:///key"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(S3UriError, match="write it as s3://bucket/key"):
        parse_s3_uri(text)
