"""The course project's inference function, written anew from its description: it forwards what it is sent.

boto3 and json; a hard-coded endpoint, which fetches the image itself; the raw scores, with status 200
whatever happens; nothing is checked.
"""

import json

import boto3

ENDPOINT_NAME = "dropserve-live"
runtime = boto3.client("sagemaker-runtime")


def handler(event, context):  # type: ignore[no-untyped-def]  # as such functions are written
    """{"url": ...} -> {"statusCode", "headers", "body"}."""
    reply = runtime.invoke_endpoint(
        EndpointName=ENDPOINT_NAME,
        ContentType="application/json",
        Accept="application/json",
        Body=json.dumps(event),
    )
    scores = json.loads(reply["Body"].read())["scores"]
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"},
        "body": json.dumps(scores),
    }
