"""A training that waits for a person: what is asked, which texts approve it, and how often."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.common.observability import metrics
from functions.drift_review import handler as handler_module
from functions.drift_review.approval import DAYS, ApprovalError, Start, check, sign
from functions.drift_review.handler import DriftInputError
from tests.support.lambda_context import LambdaContext
from tests.unit.drift_review.accounts import RUN_ID, SHIFTED, VARIABLES, Account

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}
START = Start("drift-1-2026-01", "data", "drops/dogs.zip")
SECRET = b"k" * 32


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Account:
    for variable, value in {**VARIABLES, "RETRAIN_ON_DRIFT": "ask"}.items():
        monkeypatch.setenv(variable, value)
    account = Account(SHIFTED)
    monkeypatch.setattr(metrics.provider, "namespace", "dropserve")
    monkeypatch.setattr(handler_module, "client", lambda _: account)
    return account


def asked(event: dict[str, Any]) -> dict[str, Any]:
    return handler_module.handler(event, LambdaContext("dropserve-drift-review"))


def approval_in(message: str) -> str:
    (found,) = re.findall(r"^dropserve drift --approve (\S+)$", message, re.MULTILINE)
    return str(found)


def test_a_person_is_asked_and_nothing_starts_before_the_approval(aws: Account) -> None:
    review = asked(SCHEDULED)
    assert review["retraining"]["started"] is False
    assert "waits for an approval" in review["retraining"]["reason"]
    assert not aws.started
    (message,) = aws.sent
    assert message["TopicArn"] == VARIABLES["NOTIFICATION_TOPIC_ARN"] and len(message["Subject"]) < 100
    assert "drops/dogs.zip" in message["Message"]
    assert aws.secret and aws.secret not in message["Message"]

    approval = approval_in(message["Message"])
    assert asked({"approve": approval})["started"]
    (started,) = aws.started
    assert started["name"] == f"drift-{RUN_ID}-{review['day'][:7]}"
    assert json.loads(started["input"]) == {"bucket": "data", "key": "drops/dogs.zip", "force": False}


def test_an_approval_starts_one_training_and_then_nobody_is_asked_again(aws: Account) -> None:
    asked(SCHEDULED)
    approval = approval_in(aws.sent[0]["Message"])
    asked({"approve": approval})
    again = asked({"approve": approval})
    assert (again["started"], again["reason"]) == (
        False,
        "it was started for this release in this month already",
    )
    assert not asked(SCHEDULED)["retraining"]["started"]
    assert (len(aws.started), len(aws.sent)) == (1, 1)


def test_the_secret_is_made_once_whoever_is_first(aws: Account) -> None:
    aws.others_secret = "ab" * 32
    asked(SCHEDULED)
    assert aws.secret == aws.others_secret
    assert asked({"approve": approval_in(aws.sent[0]["Message"])})["started"]


def test_an_approval_of_another_secret_is_refused(aws: Account) -> None:
    asked(SCHEDULED)
    forged = sign(START, int(datetime.now(UTC).timestamp()) + 60, SECRET)
    with pytest.raises(ApprovalError, match="no approval of this deployment's"):
        asked({"approve": forged})
    assert not aws.started


@pytest.mark.parametrize("choice", ["no", "yes"])
def test_nothing_is_approved_that_was_not_asked_for(
    aws: Account, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    aws.secret = SECRET.hex()
    monkeypatch.setenv("RETRAIN_ON_DRIFT", choice)
    approval = sign(START, int(datetime.now(UTC).timestamp()) + 60, SECRET)
    with pytest.raises(ApprovalError, match="has asked for no approval"):
        asked({"approve": approval})


def test_an_approval_that_is_no_text_is_refused(aws: Account) -> None:
    with pytest.raises(DriftInputError, match="approve is no text"):
        asked({"approve": 1})


def test_an_approval_says_what_it_was_given_for() -> None:
    assert check(sign(START, 100, SECRET), 99.9, SECRET) == START


def test_an_approval_expires() -> None:
    week = timedelta(days=DAYS).total_seconds()
    approval = sign(START, int(week), SECRET)
    with pytest.raises(ApprovalError, match="older than 7 days"):
        check(approval, week, SECRET)


def test_no_character_of_an_approval_can_be_changed() -> None:
    approval = sign(START, 100, SECRET)
    for place, character in enumerate(approval):
        changed = approval[:place] + ("A" if character != "A" else "B") + approval[place + 1 :]
        try:
            found = check(changed, 0, SECRET)
        except ApprovalError:
            continue
        # The last character's lowest bits are no part of what it writes.
        assert place in {approval.index(".") - 1, len(approval) - 1} and found == START


@pytest.mark.parametrize("text", ["", ".", "a", "a.b", "ä.ö", "!.!", "e30." + "A" * 43, "A" * 10_000 + ".A"])
def test_what_is_no_approval_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ApprovalError) as refusal:
        check(text, 0, SECRET)
    assert str(refusal.value).startswith("this is no approval")
