"""A released model is registered where the deployment has a group; what refuses it changes no release."""

from typing import Any

GROUP = {"ModelPackageGroupName": "pets"}


def test_a_released_model_becomes_an_approved_version(stage: Any) -> None:
    sagemaker = stage.client("sagemaker")
    sagemaker.create_model_package_group(**GROUP)
    run = stage.run(**GROUP)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "live")
    (package,) = sagemaker.list_model_packages(**GROUP)["ModelPackageSummaryList"]
    assert package["ModelApprovalStatus"] == "Approved"
    described = sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    (container,) = described["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == run.item["model_data_uri"]
    known = described["CustomerMetadataProperties"]
    assert known["run_id"] == run.item["run_id"]
    assert known["drop"].endswith("/drops/dogs.zip")
    statistics = described["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"].endswith("/metrics.json")


def test_a_release_that_cannot_be_registered_is_live_and_says_so(stage: Any) -> None:
    run = stage.run(ModelPackageGroupName="nobody-made-it")
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "live")
    assert "the model was not registered: " in run.item["reason"]
    assert "model-package-group/nobody-made-it does not exist" in run.item["reason"]
