"""Ask the live model about a photo: python ask.py https://example.com/rose.jpg

STACK names the deployment. Exit code 0 when it was answered.
"""

import json
import os
import sys

import boto3


def read_outputs(stack: str) -> dict[str, str]:
    """The stack's outputs by name."""
    stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0]["Outputs"]}


def main() -> int:
    """0 when the function answered with predictions."""
    outputs = read_outputs(os.environ.get("STACK", "dropserve"))
    reply = boto3.client("lambda").invoke(
        FunctionName=outputs["InferenceFunctionAliasArn"], Payload=json.dumps({"url": sys.argv[1]})
    )
    answer = json.load(reply["Payload"])
    body = json.loads(answer["body"])
    if answer["statusCode"] != 200:
        print(json.dumps(body, indent=1), file=sys.stderr)
        return 1
    for prediction in body["predictions"]:
        print(f"{prediction['label']:30} {prediction['probability']:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
