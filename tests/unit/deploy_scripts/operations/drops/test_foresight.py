"""What the pipeline will say of a dataset, before it goes up: the pipeline's own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.operations.drops import foresight
from deploy_scripts.operations.drops.foresight import Inspected, inspect_dataset, plan_dataset
from deploy_scripts.operations.drops.upload import read_dataset
from functions.plan_training.quotas import TrainingQuotas
from tests.unit.drops.made_zips import text_zip
from tests.unit.inspect_dataset.drops_in_memory import make_run, s3  # noqa: F401 - fixtures
from tests.unit.inspect_dataset.inspecting import inspect_bytes
from tests.unit.plan_training.conftest import ENVIRONMENT

JPEG = b"\xff\xd8\xff\xe0" + bytes(60)


def photos(**counts: int) -> dict[str, bytes]:
    return {f"{label}/{number}.jpg": JPEG for label, count in counts.items() for number in range(count)}


@pytest.mark.parametrize(
    "files",
    [
        photos(roses=21, tulips=25),
        photos(roses=21, tulips=6),
        photos(roses=21),
        {**photos(roses=21, tulips=22), "roses/notes.txt": b"hello"},
        {**photos(roses=21, tulips=22), "../evil.jpg": JPEG},
    ],
)
def test_a_zip_is_judged_as_the_inspection_in_s3_does(
    files: dict[str, bytes],
    tmp_path: Path,
    s3: Any,  # noqa: F811
    make_run: Any,  # noqa: F811
) -> None:
    body = text_zip(files)
    result, report = inspect_bytes(s3, make_run, body)
    file = tmp_path / "pets.zip"
    file.write_bytes(body)
    found = inspect_dataset(read_dataset(file, None))
    assert bool(found.errors) is not result["accepted"]
    assert [each.message for each in found.problems if each.severity == "error"] == [
        each["message"] for each in report["problems"] if each["severity"] == "error"
    ]
    assert (found.photos, found.size_bytes) == (result["image_count"], result["total_bytes"])
    assert dict(found.classes) == {each["label"]: each["images"] for each in report["classes"]}


def test_a_folder_is_judged_by_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "garden"
    for name, content in photos(roses=21, tulips=22).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    found = inspect_dataset(read_dataset(folder, None))
    assert (found.photos, found.problems) == (43, [])
    assert dict(found.classes) == {"roses": 21, "tulips": 22}


def test_a_file_that_is_no_zip_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    file = tmp_path / "pets.rar"
    file.write_bytes(b"Rar!")
    (problem,) = inspect_dataset(read_dataset(file, None)).errors
    assert ".zip" in problem.message


def test_the_plan_goes_by_the_settings_of_the_deployments_function(
    stubbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foresight, "read_training_quotas", lambda client: TrainingQuotas())
    monkeypatch.setattr(foresight, "read_parameters", lambda aws: {})
    resource = {
        "LogicalResourceId": "PlanTrainingFunction",
        "PhysicalResourceId": "dropserve-plan-training",
        "ResourceType": "AWS::Lambda::Function",
        "LastUpdatedTimestamp": "2026-11-22T10:00:00Z",
        "ResourceStatus": "CREATE_COMPLETE",
    }
    variables = {name: value for name, value in ENVIRONMENT.items() if name != "AWS_REGION"}
    for limit_usd, accepted in (("5", True), ("0.001", False)):
        variables["DEFAULT_MAX_COST_USD"] = limit_usd
        stubbed.answer("cloudformation", "describe_stack_resource", {"StackResourceDetail": resource})
        stubbed.answer(
            "functions",
            "get_function_configuration",
            {"Environment": {"Variables": variables}},
            FunctionName="dropserve-plan-training",
        )
        stubbed.refuse("ssm", "get_parameter", "ParameterNotFound")
        planned = plan_dataset(stubbed.deployment, Inspected(1000, 100_000_000, "flat", [], []))
        assert planned.machine.accepted is accepted
    assert "too expensive" in planned.machine.reason
    assert planned.training_usd and 0 < planned.workflow_usd < 1
    assert planned.endpoint_usd_per_hour
