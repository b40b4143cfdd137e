"""Start the state machine by hand: python start_run.py drops/flowers.zip '{"max_cost_usd": 2}'

The second argument is a JSON object of overrides. STACK names the deployment.
"""

import json
import os
import sys
import time

import boto3


def read_outputs(stack: str) -> dict[str, str]:
    """The stack's outputs by name."""
    stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


def main() -> None:
    """Starts the run, waits for its end, and prints what the ledger says of it."""
    key, overrides = sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    outputs = read_outputs(os.environ.get("STACK", "dropserve"))
    machine = boto3.client("stepfunctions")
    arn = machine.start_execution(
        stateMachineArn=outputs["StateMachineArn"], input=json.dumps({**overrides, "key": key})
    )["executionArn"]
    print(f"started {arn}")
    while machine.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(float(os.environ.get("POLL_S", "10")))
    # Its status only says that the workflow ended in order; the ledger says as what.
    pages = (
        boto3.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=outputs["LedgerTableName"],
            ConsistentRead=True,
            FilterExpression="execution_arn = :arn",
            ExpressionAttributeValues={":arn": {"S": arn}},
        )
    )
    for item in (item for page in pages for item in page["Items"]):
        print(f"run {item['run_id']['S']} is {item['status']['S']}: {item.get('reason', {}).get('S', '')}")


if __name__ == "__main__":
    main()
