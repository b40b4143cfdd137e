"""A day's review, of AWS's answers: what its document says, what is counted, and what is started."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from functions.common.documents import check_document
from functions.common.errors import SettingsError
from functions.common.observability import metrics
from functions.drift_review import handler as handler_module
from functions.drift_review.handler import DriftInputError
from functions.drift_review.review import Clients, review
from functions.drift_review.settings import read_settings
from tests.support.lambda_context import LambdaContext
from tests.unit.drift_review.accounts import (
    ALIKE,
    DAY,
    REFERENCE,
    RELEASE,
    RUN_ID,
    SHIFTED,
    VARIABLES,
    Account,
)

MOMENT = datetime(2026, 2, 1, 2, tzinfo=UTC)
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}


def reviewed(account: Account) -> dict[str, Any]:
    clients = Clients(account, account, account)
    document = review(read_settings(VARIABLES), date.fromisoformat(DAY), MOMENT, clients)
    return check_document("drift_review", document)


def test_a_day_like_the_reference_has_not_drifted() -> None:
    account = Account(ALIKE)
    document = reviewed(account)
    assert (document["drifted"], document["reason"], document["answers"]) == (False, "", 60)
    assert [each["name"] for each in document["statistics"]] == ["confidence", "unknown_score", "unknown"]
    assert {each["day"] == each["reference"] for each in document["statistics"]} == {True}
    (asked,) = account.asked
    assert (asked["StartTime"], asked["EndTime"]) == (
        datetime(2026, 1, 31, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
    )
    dimensions = asked["MetricDataQueries"][0]["MetricStat"]["Metric"]["Dimensions"]
    assert {each["Name"]: each["Value"] for each in dimensions} == {
        "service": "inference",
        "release": RELEASE,
    }


def test_a_shift_is_seen_by_each_statistic() -> None:
    document = reviewed(Account(SHIFTED))
    assert document["drifted"] is True
    found = {each["name"]: each for each in document["statistics"]}
    assert all(each["drifted"] for each in found.values())
    # Less sure, less alike, more unknown.
    assert found["confidence"]["effect"] < 0 < found["unknown_score"]["effect"]
    assert found["unknown"]["day"] == [25, 35]
    assert found["unknown"]["effect"] == pytest.approx(35 / 60 - 3 / 60, abs=1e-4)


def test_a_model_that_tells_nothing_unknown_is_judged_by_its_confidence() -> None:
    reference = {**REFERENCE, "unknown_score": None, "unknown": None}
    document = reviewed(Account({"confidence": SHIFTED["confidence"]}, reference=reference))
    assert [each["name"] for each in document["statistics"]] == ["confidence"]
    assert document["drifted"] is True


@pytest.mark.parametrize(
    ("answers", "reference", "reason"),
    [
        ({"confidence": [5] * 5}, REFERENCE, "25 answers are too few; 30 are enough"),
        ({"confidence": [0] * 5}, REFERENCE, "0 answers are too few; 30 are enough"),
        (ALIKE, {**REFERENCE, "photos": 12}, "12 held-out photos are too few to compare with; 20 are enough"),
        (ALIKE, None, "the live model's training left nothing to compare with: train it again"),
    ],
)
def test_what_cannot_be_told_is_neither_drift_nor_its_absence(
    answers: dict[str, Any], reference: Any, reason: str
) -> None:
    document = reviewed(Account(answers, reference=reference))
    assert (document["drifted"], document["reason"], document["statistics"]) == (None, reason, [])


def test_metrics_that_are_gone_leave_nothing_to_compare_with() -> None:
    account = Account()
    account.objects.clear()
    assert reviewed(account)["reason"].startswith("the live model's training left nothing")


def test_nothing_is_told_before_the_first_release() -> None:
    account = Account()
    account.is_live = False
    document = reviewed(account)
    assert (document["drifted"], document["reason"], document["release"]) == (None, "nothing is live", None)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Account:
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    account = Account(SHIFTED)
    monkeypatch.setattr(metrics.provider, "namespace", "dropserve")
    monkeypatch.setattr(handler_module, "client", lambda _: account)
    return account


def asked(event: dict[str, Any]) -> dict[str, Any]:
    return handler_module.handler(event, LambdaContext("dropserve-drift-review"))


def test_document_and_page_are_written_and_the_metrics_counted(aws: Account, capsys: Any) -> None:
    answer = asked({"day": DAY})
    assert (answer.pop("review_uri"), answer.pop("page_uri")) == (
        f"s3://data/reviews/drift/{DAY}.json",
        "s3://data/reviews/drift/drift.html",
    )
    assert json.loads(aws.objects[f"reviews/drift/{DAY}.json"]) == answer
    assert f"{DAY}: the photos have drifted" in aws.objects["reviews/drift/drift.html"].decode()
    (emitted,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (emitted["DriftDetected"], emitted["DriftReviews"]) == ([1], [1])
    names = ("DriftConfidence", "DriftUnknownScore", "DriftUnknown")
    assert [emitted[name] for name in names] == [[each["effect"]] for each in answer["statistics"]]


def test_a_day_that_cannot_be_judged_counts_neither_way(aws: Account, capsys: Any) -> None:
    aws.answers = {"confidence": [1] * 5}
    asked({"day": DAY})
    (emitted,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert "DriftDetected" not in emitted


def test_a_schedule_reviews_the_day_before(aws: Account) -> None:
    document = asked(SCHEDULED)
    reviewed_on = datetime.fromisoformat(document["reviewed_at"]).date()
    assert (reviewed_on - date.fromisoformat(document["day"])).days == 1


@pytest.mark.parametrize("event", [{}, {"day": "yesterday"}, {"day": 5}, {"day": "2999-01-01"}])
def test_an_event_without_a_day_is_refused(aws: Account, event: dict[str, Any]) -> None:
    with pytest.raises(DriftInputError, match="it must be a day such as"):
        asked(event)


def test_drift_starts_a_training_once_a_month_where_the_deployment_says_so(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(SCHEDULED)["retraining"] is None
    monkeypatch.setenv("RETRAIN_ON_DRIFT", "yes")
    assert asked({"day": DAY})["retraining"] is None
    first, second = asked(SCHEDULED), asked(SCHEDULED)
    assert first["retraining"]["started"]
    (started,) = aws.started
    assert json.loads(started["input"]) == {"bucket": "data", "key": "drops/dogs.zip", "force": False}
    assert started["name"] == f"drift-{RUN_ID}-{first['day'][:7]}"
    assert second["retraining"] == {
        "started": False,
        "reason": "it was started for this release in this month already",
        "execution_arn": None,
    }


def test_no_training_is_started_without_drift_or_without_its_drop(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_ON_DRIFT", "yes")
    aws.answers = ALIKE
    assert asked(SCHEDULED)["retraining"] is None
    aws.answers, aws.item = SHIFTED, {}
    assert "the ledger does not tell" in asked(SCHEDULED)["retraining"]["reason"]
    assert not aws.started


@pytest.mark.parametrize("missing", sorted(VARIABLES))
def test_a_missing_variable_is_named(aws: Account, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    with pytest.raises(SettingsError, match=missing):
        asked({"day": DAY})
