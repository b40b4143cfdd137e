"""The Model Registry: groups, and packages that are versions of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.service import AwsError
from tests.local_cloud.sagemaker.sagemaker_doubles import ACCOUNT, IMAGE, REGION, ServiceApi
from tests.local_cloud.sagemaker.sagemaker_hosting import aws_with_models, started_sagemaker

GROUP = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/pets"
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/pets"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ServiceApi]:
    with started_sagemaker(tmp_path, aws_with_models()) as service:
        api = ServiceApi(service)
        assert api.call("CreateModelPackageGroup", ModelPackageGroupName="pets") == {
            "ModelPackageGroupArn": GROUP
        }
        yield api


def create(api: ServiceApi, **changes: Any) -> str:
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://data/first.tar.gz"}]
    inference = {"Containers": containers, "SupportedContentTypes": ["image/jpeg"]}
    given = {"ModelPackageGroupName": "pets", "InferenceSpecification": inference, **changes}
    return str(api.call("CreateModelPackage", **given)["ModelPackageArn"])


def listed(api: ServiceApi, **wanted: Any) -> list[int]:
    found = api.call("ListModelPackages", ModelPackageGroupName="pets", **wanted)["ModelPackageSummaryList"]
    return [each["ModelPackageVersion"] for each in found]


def test_each_package_is_the_next_version_of_its_group(api: ServiceApi) -> None:
    assert [create(api), create(api)] == [f"{PACKAGE}/1", f"{PACKAGE}/2"]
    described = api.call("DescribeModelPackage", ModelPackageName=f"{PACKAGE}/2")
    assert described["ModelPackageStatus"] == "Completed"
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert api.call("DescribeModelPackage", ModelPackageName="pets/1")["ModelPackageArn"] == f"{PACKAGE}/1"
    assert listed(api, SortOrder="Descending") == [2, 1]
    api.call("DeleteModelPackage", ModelPackageName=f"{PACKAGE}/2")
    assert create(api) == f"{PACKAGE}/3"


def test_the_same_token_makes_one_version(api: ServiceApi) -> None:
    assert create(api, ClientToken="a") == create(api, ClientToken="a") == f"{PACKAGE}/1"
    assert create(api, ClientToken="b") == f"{PACKAGE}/2"


def test_an_approval_is_changed_and_listed_by(api: ServiceApi) -> None:
    assert create(api, ModelPackageDescription="Run 1: 90 % right").endswith("/1")
    api.call("DeleteModelPackage", ModelPackageName="pets/1")
    arn = create(api, ModelApprovalStatus="Approved", CustomerMetadataProperties={"run": "1", "drop": "x"})
    create(api)
    assert listed(api, ModelApprovalStatus="Approved") == [2]
    changes = {"CustomerMetadataProperties": {"run": "2"}, "CustomerMetadataPropertiesToRemove": ["drop"]}
    api.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Rejected", **changes)
    described = api.call("DescribeModelPackage", ModelPackageName=arn)
    assert described["ModelApprovalStatus"] == "Rejected"
    assert described["CustomerMetadataProperties"] == {"run": "2"}


def test_a_group_goes_once_it_is_empty(api: ServiceApi) -> None:
    arn = create(api)
    with pytest.raises(AwsError) as refused:
        api.call("DeleteModelPackageGroup", ModelPackageGroupName="pets")
    assert refused.value.code == "ConflictException"
    api.call("DeleteModelPackage", ModelPackageName=arn)
    api.call("DeleteModelPackageGroup", ModelPackageGroupName=GROUP)
    assert api.call("ListModelPackageGroups")["ModelPackageGroupSummaryList"] == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ModelPackageGroupName": "other"}, "model-package-group/other does not exist"),
        ({"ModelPackageName": "alone"}, "not available"),
        ({"CustomerMetadataProperties": {"drop": "a?b"}}, "Map value must satisfy"),
        ({"ModelPackageDescription": "a\x00"}, "regular expression pattern"),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, "Tags are not supported"),
        ({"InferenceSpecification": {}}, "inferenceSpecification.containers"),
    ],
)
def test_what_cannot_be_registered_is_refused(
    api: ServiceApi, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(AwsError, match=sentence):
        create(api, **changes)
    with pytest.raises(AwsError, match="already exists"):
        api.call("CreateModelPackageGroup", ModelPackageGroupName="pets")
    with pytest.raises(AwsError, match="pets/9 does not exist"):
        api.call("DescribeModelPackage", ModelPackageName=f"{PACKAGE}/9")


def test_the_registry_outlives_a_restart(api: ServiceApi, tmp_path: Path) -> None:
    create(api, ClientToken="a")
    with started_sagemaker(tmp_path / "again", aws_with_models()) as service:
        service.restore(api.service.get_state())
        again = ServiceApi(service)
        assert create(again, ClientToken="a") == f"{PACKAGE}/1"
        assert create(again) == f"{PACKAGE}/2"
