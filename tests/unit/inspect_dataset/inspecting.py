"""Inspects a drop, and reads the report that it leaves."""

import json

from functions.common.documents import parse_document
from functions.inspect_dataset.inspection import inspect_drop
from tests.unit.inspect_dataset.drops_in_memory import BUCKET

SNAPSHOT = "snapshots/0123456789abcdef0123456789abcdef/dataset.zip"
MANIFEST = "snapshots/0123456789abcdef0123456789abcdef/manifest.jsonl"
REPORT = "runs/0123456789abcdef0123456789abcdef/inspection.json"


def inspect(s3, run):
    result = inspect_drop(run, data_bucket=BUCKET, s3=s3)
    report = parse_document("inspection", s3.body(REPORT), where="the report")
    assert {key: report[key] for key in result} == result
    json.dumps(result)
    return result, report


def inspect_bytes(s3, make_run, body):
    s3.drop("drops/pets.zip", body)
    return inspect(s3, make_run())


def codes(report):
    return [problem["code"] for problem in report["problems"] if problem["severity"] == "error"]
