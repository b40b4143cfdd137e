"""plan.json as the EC2 machine reads it: what plan_training does not write is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.ec2.ec2_machine import channel, made_plan
from training.ec2.job import JobError, read_plan

Plan = dict[str, Any]
BUCKETS = {"data", "artifacts"}


def test_a_plan_gives_addresses_and_arguments(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, made_plan(epochs=3, **{"run-id": "-rf"})), BUCKETS)
    assert plan.channels["dataset"] == "s3://data/snapshots/1/dataset.zip"
    assert plan.arguments == ["--epochs=3", "--run-id=-rf"]
    assert plan.output_uri == "s3://data/runs/1/training"


@pytest.mark.parametrize(
    "address",
    [
        "s3://data/drops/p\n../../code\ts3://data/elsewhere/",
        "s3://data/drops/p\n../../../.ssh\ts3://data/elsewhere/",
        "s3://data/drops/pets/",
        "s3://data/snapshots/../elsewhere/train.py",
        "s3://data/snapshots/$(touch x)/dataset.zip",
        "s3://data/snapshots/`touch x`/dataset.zip",
        "s3://data/snapshots/it's/dataset.zip",
        "s3://somebody-elses/snapshots/1/dataset.zip",
        "https://example.com/dataset.zip",
        "--endpoint-url=http://example.com",
        "",
        None,
    ],
)
def test_an_address_that_dropserve_did_not_make_is_refused(tmp_path: Path, address: str | None) -> None:
    plan = made_plan()
    channel(plan, "dataset").update(S3Uri=address)
    sentence = (
        "plan.json is not as plan_training" if address is None else "the channel dataset of plan.json has"
    )
    with pytest.raises(JobError, match=f"^{sentence}"):
        read_plan(written(tmp_path, plan), BUCKETS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda plan: plan["input_data_config"][0].update(ChannelName="../../escape"),
            "the channel '../../escape' of plan.json is of a kind",
        ),
        (
            lambda plan: plan["input_data_config"][0].update(ChannelName="dataset\n../../code"),
            "the channel 'dataset\\n../../code' of plan.json is of a kind",
        ),
        (lambda plan: plan.update(output_uri="s3://elsewhere/runs"), "the output_uri of plan.json has"),
        (
            lambda plan: plan["hyperparameters"].update({"epochs=1 --x": "3"}),
            "the hyperparameter 'epochs=1 --x' of plan.json is none",
        ),
        (lambda plan: plan["hyperparameters"].update(epochs='"\\u0000"'), "the hyperparameter 'epochs'"),
        (lambda plan: plan["hyperparameters"].update(epochs="soon"), "plan.json is not as plan_training"),
        (lambda plan: plan.pop("input_data_config"), "plan.json is not as plan_training writes it"),
    ],
)
def test_a_plan_that_plan_training_does_not_write_is_refused(
    tmp_path: Path, change: Callable[[Plan], object], sentence: str
) -> None:
    plan = made_plan()
    change(plan)
    with pytest.raises(JobError) as refusal:
        read_plan(written(tmp_path, plan), BUCKETS)
    assert str(refusal.value).startswith(sentence)


def written(folder: Path, plan: Plan) -> Path:
    file = folder / "plan.json"
    file.write_text(json.dumps(plan), "utf-8")
    return file
