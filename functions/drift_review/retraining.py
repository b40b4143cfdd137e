"""A training of the live release's dataset anew, once it has drifted: started, or asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from drops.text import printable
from functions.drift_review.approval import (
    DAYS,
    ApprovalError,
    Start,
    check,
    make_secret,
    read_secret,
    sign,
)
from functions.drift_review.settings import Settings

# SNS: a subject has fewer than 100 characters, https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT = "dropserve: the photos have drifted, and a training waits for your approval"
# Names of executions are taken for 90 days:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_TAKEN = "ExecutionAlreadyExists"
_FREE = "ExecutionDoesNotExist"
_STARTED_ALREADY = "it was started for this release in this month already"


@dataclass(frozen=True)
class Retraining:
    """Of a deployment; what each method gives is `retraining` of the document. Raises ClientError."""

    settings: Settings
    dynamodb: Any
    stepfunctions: Any
    ssm: Any
    sns: Any

    def begin(self, review: Mapping[str, Any], moment: datetime) -> dict[str, Any] | None:
        """For a review that found drift: nothing, a training, or a message that asks."""
        if self.settings.retraining == "no":
            return None
        start = self._find_start(review["run_id"], review["day"])
        if start is None:
            return _said(f"the ledger does not tell what the run {review['run_id']} was trained on")
        return self._start(start) if self.settings.retraining == "yes" else self._ask(start, review, moment)

    def approve(self, text: str, moment: datetime) -> dict[str, Any]:
        """Start what was approved. Raises ApprovalError."""
        secret = read_secret(self.settings.approval_parameter, ssm=self.ssm)
        if self.settings.retraining != "ask" or secret is None:
            raise ApprovalError("this deployment has asked for no approval")
        return self._start(check(text, moment.timestamp(), secret))

    def _find_start(self, run_id: str, day: str) -> Start | None:
        """The run once more, on what its key holds now; at most once a month: the same teaches the same."""
        item = self.dynamodb.get_item(
            TableName=self.settings.ledger_table,
            Key={"run_id": {"S": run_id}},
            ProjectionExpression="#bucket, drop_key",
            ExpressionAttributeNames={"#bucket": "bucket"},
        ).get("Item", {})
        if not {"bucket", "drop_key"} <= item.keys():
            return None
        return Start(f"drift-{run_id}-{day[:7]}", item["bucket"]["S"], item["drop_key"]["S"])

    def _start(self, start: Start) -> dict[str, Any]:
        """Not forced: the judge decides."""
        try:
            started = self.stepfunctions.start_execution(
                stateMachineArn=self.settings.state_machine_arn,
                name=start.name,
                input=json.dumps({"bucket": start.bucket, "key": start.key, "force": False}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _TAKEN:
                raise
            return _said(_STARTED_ALREADY)
        return {"started": True, "reason": "", "execution_arn": started["executionArn"]}

    def _ask(self, start: Start, review: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
        if self._is_taken(start.name):
            return _said(_STARTED_ALREADY)
        secret = make_secret(self.settings.approval_parameter, self.settings.approval_kms_key, ssm=self.ssm)
        until = moment + timedelta(days=DAYS)
        approval = sign(start, int(until.timestamp()), secret)
        by = ", ".join(each["name"].replace("_", " ") for each in review["statistics"] if each["drifted"])
        lines = [
            f"The photos of {review['day']} are not like those that the live model was trained on, by: {by}.",
            "See dropserve drift --page drift.html",
            "",
            f"To train on {printable(start.key)} again, until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC:",
            f"dropserve drift --approve {approval}",
            "",
            "It starts one training. What is no better than the live model does not go live.",
        ]
        self.sns.publish(
            TopicArn=self.settings.notification_topic_arn, Subject=SUBJECT, Message="\n".join(lines)
        )
        return _said("it waits for an approval, which the topic was told how to give")

    def _is_taken(self, name: str) -> bool:
        arn = f"{self.settings.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            self.stepfunctions.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != _FREE:
                raise
            return False
        return True


def _said(reason: str) -> dict[str, Any]:
    return {"started": False, "reason": reason, "execution_arn": None}
