"""Releases in the model registry: pending while watched, then approved, or rejected where taken back."""

import json
import re
from typing import Any

import pytest

from tests.faults.releases.test_watching import LONG_BAKE, WRONG, keep, roll_back, watched

_WAIT = "Wait for the test"


class Registry:
    """A model package group of the stage's own."""

    def __init__(self, stage: Any) -> None:
        self.group = {"ModelPackageGroupName": stage.name}
        self._sagemaker = stage.client("sagemaker")
        self._sagemaker.create_model_package_group(**self.group)

    def versions(self) -> list[dict[str, Any]]:
        """As DescribeModelPackage tells them."""
        packages = self._sagemaker.list_model_packages(**self.group)["ModelPackageSummaryList"]
        arns = [each["ModelPackageArn"] for each in packages]
        return [self._sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]

    def told(self) -> dict[str, str]:
        """Run id -> approval status of its version, and why, where that was said."""
        return {
            each["CustomerMetadataProperties"]["run_id"]: ": ".join(
                each[field] for field in ("ModelApprovalStatus", "ApprovalDescription") if field in each
            )
            for each in self.versions()
        }

    def statuses(self) -> dict[str, str]:
        """Run id -> approval status of its version."""
        return {run_id: told.partition(":")[0] for run_id, told in self.told().items()}


@pytest.fixture
def registry(stage: Any) -> Registry:
    return Registry(stage)


def test_a_released_model_becomes_an_approved_version(stage: Any, registry: Registry) -> None:
    run = stage.run(**registry.group)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "live")
    assert registry.told() == {run.run_id: f"Approved: live: {run.item['reason']}"}
    (described,) = registry.versions()
    (container,) = described["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == run.item["model_data_uri"]
    assert described["CustomerMetadataProperties"]["drop"].endswith("/drops/dogs.zip")
    statistics = described["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"].endswith("/metrics.json")


def test_a_release_that_cannot_be_registered_is_live_and_says_so(stage: Any) -> None:
    run = stage.run(ModelPackageGroupName="nobody-made-it")
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "live")
    assert "the model was not registered: " in run.item["reason"]
    assert "model-package-group/nobody-made-it does not exist" in run.item["reason"]


def test_a_release_that_an_alarm_takes_back_is_rejected(stage: Any, registry: Registry) -> None:
    live = stage.run(**registry.group).run_id
    alarm = stage.add_alarm()
    execution = watched(stage, "release", **LONG_BAKE, **registry.group)
    new = stage.item_of(execution)["run_id"]
    assert registry.told()[new] == "PendingManualApproval"
    stage.ring(alarm)
    assert stage.ended(execution).item["status"] == "rolled_back"
    assert registry.told()[new] == f"Rejected: the alarm {alarm} went off"
    assert registry.statuses()[live] == "Approved"


def test_a_rollback_rejects_what_it_takes_away_and_approves_what_is_live_again(
    stage: Any, registry: Registry
) -> None:
    former, newer = (stage.run(**registry.group).item for _ in range(2))
    run = roll_back(stage, keep(stage, former["release"]), **registry.group)
    assert run.item["status"] == "restored"
    assert registry.statuses() == {former["run_id"]: "Approved", newer["run_id"]: "Rejected"}
    # And forth again.
    roll_back(stage, keep(stage, newer["release"]), **registry.group)
    assert registry.statuses() == {former["run_id"]: "Rejected", newer["run_id"]: "Approved"}


def test_a_rollback_that_fails_changes_no_version(stage: Any, registry: Registry) -> None:
    former = keep(stage, stage.run(**registry.group).item["release"])
    stage.run(**registry.group)
    before = registry.told()
    stage.change("AcceptModelFunction", **WRONG)
    assert roll_back(stage, former, **registry.group).item["status"] == "failed"
    assert registry.told() == before


def test_a_version_that_is_gone_is_told_and_holds_no_rollback_up(stage: Any, registry: Registry) -> None:
    former = stage.run(**registry.group).item
    stage.run(**registry.group)
    sagemaker = stage.client("sagemaker")
    for each in registry.versions():
        sagemaker.delete_model_package(ModelPackageName=each["ModelPackageArn"])
    run = roll_back(stage, keep(stage, former["release"]), **registry.group)
    assert run.item["status"] == "restored"
    assert "; its model version was not approved: " in run.item["reason"]
    assert "; its replaced model version was not rejected: " in run.item["reason"]


@pytest.mark.parametrize(
    ("state", "ends"), [("Wait to watch canary", "Rejected"), ("Wait to watch release", "Approved")]
)
def test_the_clean_up_decides_for_an_execution_that_was_stopped(
    stage: Any, registry: Registry, state: str, ends: str
) -> None:
    stage.run(**registry.group)
    watch = {"CanaryPercent": "25", "CanarySeconds": "60"} if "canary" in state else LONG_BAKE
    stopped = stage.stopped_at(state, **watch, **registry.group)
    stage.clean_up(stopped, **registry.group)
    item = stage.item_of(stopped)
    assert item["status"] == {"Rejected": "failed", "Approved": "live"}[ends]
    assert registry.statuses()[item["run_id"]] == ends


def test_a_rollback_that_was_stopped_after_its_switch_is_told_the_registry(
    stage: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, newer = (stage.run(**registry.group).item for _ in range(2))
    document = {"action": "rollback", "to": keep(stage, former["release"])}
    workflow = _with_a_wait_before("Rolled back by hand?", stage.workflow())
    with monkeypatch.context() as patch:
        # Nothing waits there of itself: the execution could end before it is stopped.
        patch.setattr(stage, "workflow", lambda: workflow)
        stopped = stage.stopped_at(_WAIT, document, as_it_is=True, **registry.group)
    stage.clean_up(stopped, **registry.group)
    assert stage.item_of(stopped)["status"] == "restored"
    assert registry.statuses() == {former["run_id"]: "Approved", newer["run_id"]: "Rejected"}


def _with_a_wait_before(state: str, workflow: dict[str, Any]) -> dict[str, Any]:
    text = re.sub(rf'"(Next|Default)": "{re.escape(state)}"', rf'"\1": "{_WAIT}"', json.dumps(workflow))
    slow: dict[str, Any] = json.loads(text)
    slow["States"][_WAIT] = {"Type": "Wait", "Seconds": 60, "Next": state}
    return slow


def test_a_release_that_its_own_execution_could_not_take_back_is_rejected_by_the_clean_up(
    stage: Any, registry: Registry
) -> None:
    live = stage.run(**registry.group).item["release"]
    execution = watched(stage, "release", **LONG_BAKE, **registry.group)
    stage.client("stepfunctions").stop_execution(
        executionArn=execution, error="RollbackFailed", cause="The way back was not confirmed"
    )
    stage.clean_up(execution, **registry.group)
    item = stage.item_of(execution)
    assert (item["status"], stage.live()["release"]) == ("failed", live)
    assert registry.statuses()[item["run_id"]] == "Rejected"
