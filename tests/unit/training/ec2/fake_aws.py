"""The `aws` command as far as ec2_boot.sh uses it: S3 is a folder, calls of other services are recorded.

FAKE_AWS names the folder: `s3/<bucket>/<key>` are objects, `streams/<group>/<stream>` has a line for each
batch of log events, `calls.jsonl` one for each call of Step Functions. An operation named in `refuse` fails
with the error code that stands there, and is named in `refused`.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["FAKE_AWS"])


def local_path(address: str) -> Path:
    prefix = "s3://"
    return ROOT / "s3" / address.removeprefix(prefix) if address.startswith(prefix) else Path(address)


def copy(source: str, target: str, *, recursive: bool) -> None:
    origin, goal = local_path(source), local_path(target)
    if not origin.exists():
        sys.exit(f"fatal error: An error occurred (404) when calling the HeadObject operation: {source}")
    if recursive:
        shutil.copytree(origin, goal, dirs_exist_ok=True)
        return
    if target.endswith("/"):
        goal = goal / origin.name
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(origin, goal)


def call_step_functions(operation: str, request: dict[str, Any]) -> str | None:
    with (ROOT / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"operation": operation, **request}) + "\n")
    return None


def call_logs(operation: str, request: dict[str, Any]) -> str | None:
    """The rules of https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""
    stream = ROOT / "streams" / request["logGroupName"].strip("/") / request["logStreamName"]
    if operation == "create-log-stream":
        if stream.exists():
            return "ResourceAlreadyExistsException"
        stream.parent.mkdir(parents=True, exist_ok=True)
        stream.touch()
        return None
    assert operation == "put-log-events"
    if not stream.exists():
        return "ResourceNotFoundException"
    times = [event["timestamp"] for event in request["logEvents"]]
    sizes = [len(event["message"].encode()) + 26 for event in request["logEvents"]]
    if (
        not 1 <= len(times) <= 10_000
        or times != sorted(times)
        or times[-1] - times[0] >= 24 * 3600 * 1000
        or sum(sizes) > 1_048_576
        or min(sizes) <= 26
        or max(sizes) > 262_144
    ):
        return "InvalidParameterException"
    with stream.open("a") as batches:
        batches.write(json.dumps(request["logEvents"]) + "\n")
    return None


SERVICES = {"stepfunctions": call_step_functions, "logs": call_logs}


def call(service: str, operation: str, request: dict[str, Any]) -> None:
    refusals = ROOT / "refuse"
    error = json.loads(refusals.read_text()).get(operation) if refusals.exists() else None
    if error:
        with (ROOT / "refused").open("a") as refused:
            refused.write(operation + "\n")
    error = error or SERVICES[service](operation, request)
    if error:
        sys.exit(f"An error occurred ({error}) when calling the {operation} operation: no")


def main(arguments: list[str]) -> None:
    match arguments:
        case ["s3", "cp", "--only-show-errors", *options, source, target]:
            copy(source, target, recursive="--recursive" in options)
        case [service, operation, "--cli-input-json", address] if service in SERVICES:
            file = Path(address.removeprefix("file://"))
            assert file.is_file(), "the real command reads it more than once"
            call(service, operation, json.loads(file.read_text()))
        case _:
            sys.exit(f"the fake aws does not know {arguments}")


if __name__ == "__main__":
    main(sys.argv[1:])
