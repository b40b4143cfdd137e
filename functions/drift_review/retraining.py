"""Starts a training of the live release's dataset anew, once it has drifted."""

import json
from typing import Any

from botocore.exceptions import ClientError

# Names of executions are taken for 90 days:
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_ALREADY = "ExecutionAlreadyExists"


def start_retraining(  # noqa: PLR0913 - by name
    run_id: str, day: str, *, ledger_table: str, state_machine_arn: str, dynamodb: Any, stepfunctions: Any
) -> dict[str, Any]:
    """The run of the live release once more, on what its key holds now; not forced, so the judge decides.

    At most one a month of a release: the same photos would teach the same again. Gives `retraining` of the
    document. Raises ClientError.
    """
    item = dynamodb.get_item(
        TableName=ledger_table,
        Key={"run_id": {"S": run_id}},
        ProjectionExpression="#bucket, drop_key",
        ExpressionAttributeNames={"#bucket": "bucket"},
    ).get("Item", {})
    if not {"bucket", "drop_key"} <= item.keys():
        return _said(f"the ledger does not tell what the run {run_id} was trained on")
    start_input = {"bucket": item["bucket"]["S"], "key": item["drop_key"]["S"], "force": False}
    try:
        started = stepfunctions.start_execution(
            stateMachineArn=state_machine_arn, name=f"drift-{run_id}-{day[:7]}", input=json.dumps(start_input)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != _ALREADY:
            raise
        return _said("it was started for this release in this month already")
    return {"started": True, "reason": "", "execution_arn": started["executionArn"]}


def _said(reason: str) -> dict[str, Any]:
    return {"started": False, "reason": reason, "execution_arn": None}
