"""The three ways in with the aws command line, as a person uses it."""

import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy_scripts.demo_data import PhotoSet
from tests.support.waiting import wait_until


@pytest.fixture
def aws(dropserve: Any) -> Any:
    """aws with the variables of `dropserve env`."""
    return dropserve.with_aws_variables()


def test_a_copy_to_the_bucket_begins_a_run(
    dropserve: Any, aws: Any, food_photos: PhotoSet, tmp_path: Path
) -> None:
    outputs = dropserve.outputs
    name = f"copied {uuid4().hex[:8]}+photos"
    # One photo: it is refused, which is sooner told than a training.
    label, photo = food_photos.held_out[0]
    with zipfile.ZipFile(tmp_path / "few.zip", "w") as archive:
        archive.write(photo, f"{label}/1.jpeg")

    copied = aws.run(
        "s3", "cp", tmp_path / "few.zip", f"s3://{outputs['BucketName']}/drops/{name}.zip", program="aws"
    )

    assert copied.returncode == 0, copied.stderr
    wait_until(lambda: name in [run["dataset"] for run in dropserve.json("runs")])
    watched = json.loads(dropserve.run("watch", "--json").stdout)
    assert (watched["dataset"], watched["source"], watched["status"]) == (name, "drop", "rejected")


def test_an_execution_by_hand(dropserve: Any, aws: Any, first_release: dict[str, Any]) -> None:
    outputs = dropserve.outputs
    start_input = {"key": "drops/small.zip", "backend": "abacus"}

    started = aws.run(
        "stepfunctions",
        "start-execution",
        "--state-machine-arn",
        outputs["StateMachineArn"],
        "--input",
        json.dumps(start_input),
        program="aws",
    )

    assert started.returncode == 0, started.stderr
    arn = json.loads(started.stdout)["executionArn"]

    def ended() -> bool:
        answer = aws.run("stepfunctions", "describe-execution", "--execution-arn", arn, program="aws")
        return bool(json.loads(answer.stdout)["status"] != "RUNNING")

    wait_until(ended)
    newest = dropserve.json("runs")[0]
    assert (newest["source"], newest["status"]) == ("manual", "rejected")
    assert "backend" in newest["reason"]


def test_an_invocation_with_a_url(
    dropserve: Any, aws: Any, first_release: dict[str, Any], food_photos: PhotoSet, tmp_path: Path
) -> None:
    outputs = dropserve.outputs
    photo = f"s3://{outputs['BucketName']}/uploads/{uuid4().hex}.jpeg"
    assert aws.run("s3", "cp", food_photos.held_out[0][1], photo, program="aws").returncode == 0
    url = aws.run("s3", "presign", photo, program="aws").stdout.strip()

    invoked = aws.run(
        "lambda",
        "invoke",
        "--function-name",
        outputs["InferenceFunctionAliasArn"],
        "--payload",
        json.dumps({"url": url}),
        tmp_path / "answer.json",
        program="aws",
    )

    assert invoked.returncode == 0, invoked.stderr
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["model"]["release"] == dropserve.live_release()
