"""The `aws` command as far as ec2_boot.sh uses it: S3 is a folder, calls to Step Functions are recorded.

FAKE_AWS names the folder: `s3/<bucket>/<key>` are objects, `calls.jsonl` gets a line for each call of
Step Functions, and an operation named in `refuse` fails with the error code that stands there.
"""

import json
import os
import shutil
import sys
from pathlib import Path

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


def call_step_functions(operation: str, options: list[str]) -> None:
    name, address = options
    assert name == "--cli-input-json"
    request = json.loads(Path(address.removeprefix("file://")).read_text())
    with (ROOT / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps({"operation": operation, **request}) + "\n")
    refusals = ROOT / "refuse"
    if refusals.exists() and operation in (refused := json.loads(refusals.read_text())):
        sys.exit(f"An error occurred ({refused[operation]}) when calling {operation}")


def main(arguments: list[str]) -> None:
    match arguments:
        case ["s3", "cp", "--only-show-errors", *options, source, target]:
            copy(source, target, recursive="--recursive" in options)
        case ["stepfunctions", operation, *options]:
            call_step_functions(operation, options)
        case _:
            sys.exit(f"the fake aws does not know {arguments}")


if __name__ == "__main__":
    main(sys.argv[1:])
