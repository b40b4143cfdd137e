"""What tells a person without being asked: a budget of the month, and a daily audit that failed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.waiting import wait_until

BUDGET = "dropserve-month"


@pytest.fixture
def with_budget(dropserve: Any) -> Iterator[Any]:
    """The deployment with a budget; afterwards without one."""
    assert dropserve.run("deploy", "--parameter", "MonthlyBudgetUsd=120").returncode == 0
    yield dropserve
    assert dropserve.run("deploy", "--parameter", "MonthlyBudgetUsd=0").returncode == 0
    assert not budgets(dropserve)


def account_of(dropserve: Any) -> str:
    return str(dropserve.client("sts").get_caller_identity()["Account"])


def budgets(dropserve: Any) -> dict[str, str]:
    """Name -> amount."""
    found = dropserve.client("budgets").describe_budgets(AccountId=account_of(dropserve)).get("Budgets", [])
    return {each["BudgetName"]: each["BudgetLimit"]["Amount"] for each in found}


def test_a_budget_is_made_changed_and_taken_away(with_budget: Any) -> None:
    assert budgets(with_budget) == {BUDGET: "120"}
    client, account = with_budget.client("budgets"), account_of(with_budget)
    told = client.describe_notifications_for_budget(AccountId=account, BudgetName=BUDGET)["Notifications"]
    assert {(each["NotificationType"], each["Threshold"]) for each in told} == {
        ("ACTUAL", 80.0),
        ("FORECASTED", 100.0),
    }
    topic = with_budget.outputs["NotificationTopicArn"]
    for each in told:
        each.pop("NotificationState", None)
        found = client.describe_subscribers_for_notification(
            AccountId=account, BudgetName=BUDGET, Notification=each
        )
        assert found["Subscribers"] == [{"SubscriptionType": "SNS", "Address": topic}]
    attributes = with_budget.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    publishers = {each["Principal"]["Service"] for each in json.loads(attributes["Policy"])["Statement"]}
    assert publishers == {"budgets.amazonaws.com", "cloudwatch.amazonaws.com"}

    assert with_budget.run("deploy", "--parameter", "MonthlyBudgetUsd=90.5").returncode == 0
    assert budgets(with_budget) == {BUDGET: "90.5"}


def test_an_audit_that_fails_leaves_a_record_in_the_queue(dropserve: Any) -> None:
    event = {"run": {"id": "no run's id"}}
    dropserve.client("lambda").invoke(
        FunctionName=dropserve.outputs["AuditFunctionName"],
        InvocationType="Event",
        Payload=json.dumps(event).encode(),
    )
    sqs = dropserve.client("sqs")
    queue = sqs.get_queue_url(QueueName="dropserve-undelivered-audits")["QueueUrl"]

    def record() -> Any:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
        return json.loads(messages[0]["Body"]) if messages else None

    found = wait_until(record)

    assert found["requestContext"]["condition"] == "RetriesExhausted"
    assert found["requestPayload"] == event
