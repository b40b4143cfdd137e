"""AWS as a review of drift sees it: a live release, what its training left, and what was counted of a day."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from contracts.drift import UNKNOWN_METRIC, bin_metric
from tests.unit.judge_model.trainings import make_metrics

RUN_ID = "0123456789abcdef" * 2
RELEASE = f"dropserve-{RUN_ID}"
DAY = "2026-01-31"
VARIABLES = {
    "STACK": "dropserve",
    "DATA_BUCKET": "data",
    "LEDGER_TABLE": "ledger",
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:dropserve-training-pipeline",
    "RETRAIN_ON_DRIFT": "no",
    "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:dropserve-runs",
    "APPROVAL_PARAMETER": "/dropserve/approval-secret",
    "APPROVAL_KMS_KEY": "alias/aws/ssm",
}
REFERENCE = {
    "photos": 60,
    "confidence": {"edges": [0.6, 0.7, 0.8, 0.9], "counts": [12] * 5},
    "unknown_score": {"edges": [-1.0, -0.5, 0.5, 1.0], "counts": [12] * 5},
    "unknown": 3,
}
# 60 answers of a day like the reference, and of one that is not.
ALIKE = {"confidence": [12] * 5, "unknown_score": [12] * 5, "unknown": 3}
SHIFTED = {"confidence": [40, 10, 5, 3, 2], "unknown_score": [1, 2, 4, 13, 40], "unknown": 35}


class Account:
    """SSM, S3, CloudWatch, DynamoDB, Step Functions and SNS."""

    class exceptions:  # noqa: N801 - as botocore calls it
        class ParameterNotFound(Exception):  # noqa: N818 - as botocore calls it
            pass

        class ParameterAlreadyExists(Exception):  # noqa: N818 - as botocore calls it
            pass

    def __init__(self, answers: Mapping[str, Any] | None = None, *, reference: Any = REFERENCE) -> None:
        self.answers, self.is_live = answers or ALIKE, True
        self.objects: dict[str, bytes] = {}
        metrics = make_metrics(run_id=RUN_ID, drift=reference)
        self.objects[f"runs/{RUN_ID}/metrics.json"] = json.dumps(metrics).encode()
        self.item: dict[str, Any] = {"bucket": {"S": "data"}, "drop_key": {"S": "drops/dogs.zip"}}
        self.started: list[dict[str, str]] = []
        self.sent: list[dict[str, str]] = []
        self.secret: str | None = None
        # What another worker writes at the same time.
        self.others_secret: str | None = None
        self.asked: list[dict[str, Any]] = []

    def get_parameter(self, *, Name: str, WithDecryption: bool = False) -> dict[str, Any]:  # noqa: N803
        if Name == VARIABLES["APPROVAL_PARAMETER"]:
            if self.secret is None:
                raise self.exceptions.ParameterNotFound
            return {"Parameter": {"Value": self.secret if WithDecryption else "encrypted"}}
        if not self.is_live:
            raise self.exceptions.ParameterNotFound
        live = {"release": RELEASE, "endpoint_name": RELEASE, "run_id": RUN_ID, "accuracy": 0.9}
        return {"Parameter": {"Value": json.dumps({**live, "model_data_uri": "s3://data/model.tar.gz"})}}

    def put_parameter(self, *, Name: str, Value: str, Type: str, KeyId: str) -> None:  # noqa: N803
        assert (Name, Type) == (VARIABLES["APPROVAL_PARAMETER"], "SecureString")
        self.secret = self.others_secret or Value
        if self.others_secret:
            raise self.exceptions.ParameterAlreadyExists

    def publish(self, **message: str) -> None:
        self.sent.append(message)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_paginator(self, operation: str) -> "Account":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        if "Prefix" in asked:
            keys = [key for key in self.objects if key.startswith(asked["Prefix"])]
            return [{"Contents": [{"Key": key} for key in keys]}]
        return [{"MetricDataResults": [self._counted(each) for each in asked["MetricDataQueries"]]}]

    def _counted(self, query: dict[str, Any]) -> dict[str, Any]:
        """In two hours of the day."""
        stat = query["MetricStat"]
        metric = stat["Metric"]
        values = {
            bin_metric(name, place): count
            for name in ("confidence", "unknown_score")
            for place, count in enumerate(self.answers.get(name, []))
        }
        if "unknown" in self.answers:
            told = sum(self.answers["confidence"])
            values[UNKNOWN_METRIC] = told if stat["Stat"] == "SampleCount" else self.answers["unknown"]
        value = values.get(metric["MetricName"], 0)
        hours = [datetime(2026, 1, 31, hour, tzinfo=UTC) for hour in (9, 17)]
        parts = [float(value // 2), float(value - value // 2)] if value else []
        return {"Id": query["Id"], "Timestamps": hours[: len(parts)], "Values": parts}

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self.item} if self.item else {}

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803
        if not any(executionArn.endswith(f":{each['name']}") for each in self.started):
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": "RUNNING"}

    def start_execution(self, **asked: str) -> dict[str, str]:
        if any(each["name"] == asked["name"] for each in self.started):
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists"}}, "StartExecution")
        self.started.append(asked)
        return {"executionArn": f"arn:aws:states:us-east-1:000000000000:execution:x:{asked['name']}"}
