"""Drop a zip of class folders and wait for its run: python drop_data.py flowers.zip

STACK names the deployment. Exit code 0 only when the model is live.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import boto3


def read_outputs(stack: str) -> dict[str, str]:
    """The stack's outputs by name."""
    stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


def drop(zip_file: Path, bucket: str) -> str:
    """Upload the zip; S3's version of it."""
    with zip_file.open("rb") as body:
        answer = boto3.client("s3").put_object(Bucket=bucket, Key=f"drops/{zip_file.name}", Body=body)
    return answer["VersionId"]


def find_run(ledger: str, version_id: str) -> dict[str, Any] | None:
    """The ledger's item of the run that this version began; None before it is there."""
    pages = (
        boto3.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=ledger,
            ConsistentRead=True,
            FilterExpression="version_id = :version",
            ExpressionAttributeValues={":version": {"S": version_id}},
        )
    )
    items = [item for page in pages for item in page["Items"]]
    return {name: value["S"] for name, value in items[0].items() if "S" in value} if items else None


def main() -> int:
    """0 when the run ends live."""
    outputs = read_outputs(os.environ.get("STACK", "dropserve"))
    version_id = drop(Path(sys.argv[1]), outputs["BucketName"])
    print(f"dropped {sys.argv[1]}, version {version_id}")
    run = None
    while run is None or run["status"] == "running":
        time.sleep(float(os.environ.get("POLL_S", "10")))
        run = find_run(outputs["LedgerTableName"], version_id)
    print(f"run {run['run_id']} is {run['status']}: {run.get('reason', '')}")
    return 0 if run["status"] == "live" else 1


if __name__ == "__main__":
    sys.exit(main())
