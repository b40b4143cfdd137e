"""The function as Lambda calls it: where its report goes, and what it counts."""

import json
from typing import Any

import pytest

from functions.common.errors import SettingsError
from functions.common.observability import metrics
from functions.janitor import handler as handler_module
from functions.janitor.leftovers import Janitor, Leftover
from tests.support.lambda_context import LambdaContext

VARIABLES = {
    "STACK": "dropserve",
    "AWS_REGION": "us-east-1",
    "DATA_BUCKET": "data",
    "LEDGER_TABLE": "ledger",
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "NOTIFICATION_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:dropserve-runs",
}
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}


class FakeAws:
    """S3 and SNS."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.sent: list[dict[str, str]] = []

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[f"s3://{Bucket}/{Key}"] = Body

    def publish(self, **message: str) -> None:
        self.sent.append(message)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    fake, found = FakeAws(), [Leftover("endpoint", "dropserve-1", 67.45, "1 x ml.m6g.large, InService")]
    # Powertools reads the namespace once, when it is imported.
    monkeypatch.setattr(metrics.provider, "namespace", "dropserve")
    monkeypatch.setattr(handler_module, "client", lambda _: fake)
    monkeypatch.setattr(Janitor, "find_leftovers", lambda _: found)
    return fake


def test_the_report_is_written_told_and_counted(aws: FakeAws, capsys: Any) -> None:
    answer = handler_module.handler(SCHEDULED, LambdaContext("dropserve-janitor"))
    uri = answer.pop("report_uri")
    assert uri.startswith("s3://data/reviews/leftovers/")
    assert json.loads(aws.objects[uri]) == answer
    assert uri in aws.sent[0]["Message"]
    (emitted,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (emitted["Leftovers"], emitted["LeftoversMonthlyUsd"]) == ([1.0], [67.45])


@pytest.mark.parametrize("missing", sorted(set(VARIABLES) - {"AWS_REGION"}))
def test_a_missing_variable_is_named(aws: FakeAws, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(SettingsError, match=missing):
        handler_module.handler({}, LambdaContext("dropserve-janitor"))
