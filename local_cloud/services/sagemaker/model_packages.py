"""The Model Registry: groups of model packages, each package a version of its group."""

import copy
import threading
import time
from typing import Any

from local_cloud.service import ActionHandler, AwsError, Call
from local_cloud.services.paging import page
from local_cloud.services.sagemaker.names import Caller, arn, arn_prefix, invalid, not_here
from local_cloud.services.sagemaker.tags import Tags

_PACKAGE, _GROUP = "model-package", "model-package-group"
_DEFAULT_PAGE_SIZE = 10
_UNAVAILABLE = (
    "ModelPackageName",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "AdditionalInferenceSpecifications",
    "ModelLifeCycle",
)
_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
)
_GROUP_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "CreationTime",
    "ModelPackageGroupStatus",
)


class ModelPackages:
    """Versioned packages only; what has been approved is not deployed by anything here."""

    def __init__(self, *, tags: Tags) -> None:
        self._tags = tags
        self._lock = threading.RLock()
        # By ARN. A group's `versions` counts what was ever made of it, `tokens` has the package of each.
        self._groups: dict[str, dict[str, Any]] = {}
        self._packages: dict[str, dict[str, Any]] = {}

    def actions(self) -> dict[str, ActionHandler]:
        """API action name -> its handler."""
        return {
            "CreateModelPackageGroup": self._locked(self._create_group),
            "DescribeModelPackageGroup": self._locked(self._describe_group),
            "ListModelPackageGroups": self._locked(self._list_groups),
            "DeleteModelPackageGroup": self._locked(self._delete_group),
            "CreateModelPackage": self._locked(self._create),
            "DescribeModelPackage": self._locked(self._describe),
            "ListModelPackages": self._locked(self._list),
            "UpdateModelPackage": self._locked(self._update),
            "DeleteModelPackage": self._locked(self._delete),
        }

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs."""
        with self._lock:
            return copy.deepcopy({"groups": self._groups, "packages": self._packages})

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what `get_state` gave."""
        with self._lock:
            self._groups, self._packages = copy.deepcopy((state["groups"], state["packages"]))

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._groups.clear()
            self._packages.clear()

    def _locked(self, handler: ActionHandler) -> ActionHandler:
        def handle(call: Call) -> dict[str, Any]:
            with self._lock:
                return copy.deepcopy(handler(call))

        return handle

    def _create_group(self, call: Call) -> dict[str, Any]:
        group = copy.deepcopy(call.parameters)
        if "ManagedConfiguration" in group:
            raise not_here("ManagedConfiguration")
        key = arn(call, _GROUP, group["ModelPackageGroupName"])
        if key in self._groups:
            raise invalid(f"Model Package Group already exists: {key}")
        self._tags.set(key, group.pop("Tags", []))
        made = {"ModelPackageGroupArn": key, "CreationTime": time.time(), "CreatedBy": {}}
        document = {**group, **made, "ModelPackageGroupStatus": "Completed"}
        self._groups[key] = {"document": document, "versions": 0, "tokens": {}}
        return {"ModelPackageGroupArn": key}

    def _describe_group(self, call: Call) -> dict[str, Any]:
        document: dict[str, Any] = self._group_of(call)["document"]
        return document

    def _list_groups(self, call: Call) -> dict[str, Any]:
        documents = [group["document"] for key, group in self._groups.items() if _is_of(call, _GROUP, key)]
        found = _listed(call, documents, "ModelPackageGroupName", _GROUP_SUMMARY)
        return {"ModelPackageGroupSummaryList": found.pop("items"), **found}

    def _delete_group(self, call: Call) -> dict[str, Any]:
        key = self._group_of(call)["document"]["ModelPackageGroupArn"]
        name = self._groups[key]["document"]["ModelPackageGroupName"]
        if any(_is_of(call, _PACKAGE, each, f"{name.lower()}/") for each in self._packages):
            raise AwsError(
                "ConflictException",
                f"Model Package Group cannot be deleted because it contains Model Packages: {key}",
            )
        del self._groups[key]
        self._tags.forget(key)
        return {}

    def _create(self, call: Call) -> dict[str, Any]:
        package = copy.deepcopy(call.parameters)
        for field in _UNAVAILABLE:
            if field in package:
                raise not_here(field)
        if "ModelPackageGroupName" not in package:
            raise invalid("Missing ARN.")
        if package.pop("Tags", []):
            raise invalid("Tags are not supported on a versioned Model Package.")
        group = self._group_of(call)
        token = package.pop("ClientToken", None)
        if token in group["tokens"]:
            return {"ModelPackageArn": group["tokens"][token]}
        group["versions"] += 1
        name, version = group["document"]["ModelPackageGroupName"], group["versions"]
        key = arn(call, _PACKAGE, f"{name}/{version}")
        package.setdefault("ModelApprovalStatus", "PendingManualApproval")
        self._packages[key] = {
            **package,
            "ModelPackageGroupName": name,
            "ModelPackageVersion": version,
            "ModelPackageArn": key,
            "CreationTime": time.time(),
            "CreatedBy": {},
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        }
        if token:
            group["tokens"][token] = key
        return {"ModelPackageArn": key}

    def _describe(self, call: Call) -> dict[str, Any]:
        return self._package_of(call, call.parameters["ModelPackageName"])

    def _list(self, call: Call) -> dict[str, Any]:
        wanted = call.parameters
        # Without a group those are listed that are no versions, of which there are none here.
        documents: list[dict[str, Any]] = []
        if "ModelPackageGroupName" in wanted:
            name = self._group_of(call)["document"]["ModelPackageGroupName"]
            documents = [each for each in self._packages.values() if each["ModelPackageGroupName"] == name]
        approval = wanted.get("ModelApprovalStatus")
        documents = [each for each in documents if approval in (None, each["ModelApprovalStatus"])]
        found = _listed(call, documents, "ModelPackageGroupName", _SUMMARY)
        return {"ModelPackageSummaryList": found.pop("items"), **found}

    def _update(self, call: Call) -> dict[str, Any]:
        changes = copy.deepcopy(call.parameters)
        package = self._package_of(call, changes.pop("ModelPackageArn"))
        changes.pop("ClientToken", None)
        properties = {
            **package.get("CustomerMetadataProperties", {}),
            **changes.pop("CustomerMetadataProperties", {}),
        }
        for name in changes.pop("CustomerMetadataPropertiesToRemove", []):
            properties.pop(name, None)
        for field in set(changes) - {"ModelApprovalStatus", "ApprovalDescription"}:
            raise not_here(field)
        package.update(changes, CustomerMetadataProperties=properties, LastModifiedTime=time.time())
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def _delete(self, call: Call) -> dict[str, Any]:
        package = self._package_of(call, call.parameters["ModelPackageName"])
        del self._packages[package["ModelPackageArn"]]
        return {}

    def _group_of(self, call: Call) -> dict[str, Any]:
        key = arn(call, _GROUP, _own_name(call.parameters["ModelPackageGroupName"]))
        if key not in self._groups:
            raise invalid(f"ModelPackageGroup {key} does not exist.")
        return self._groups[key]

    def _package_of(self, call: Call, name_or_arn: str) -> dict[str, Any]:
        key = arn(call, _PACKAGE, _own_name(name_or_arn))
        if key not in self._packages:
            raise invalid(f"ModelPackage {key} does not exist.")
        return self._packages[key]


def _own_name(name_or_arn: str) -> str:
    """What a group or a package is called behind its kind: `group` or `group/version`."""
    return name_or_arn.partition("/")[2] if name_or_arn.startswith("arn:") else name_or_arn


def _is_of(caller: Caller, kind: str, key: str, beginning: str = "") -> bool:
    return key.startswith(arn_prefix(caller, kind) + beginning)


def _listed(
    call: Call, documents: list[dict[str, Any]], name_field: str, summary: tuple[str, ...]
) -> dict[str, Any]:
    wanted = call.parameters
    found = [
        each
        for each in documents
        if wanted.get("NameContains", "").lower() in each[name_field].lower()
        and wanted.get("CreationTimeAfter", 0) <= each["CreationTime"]
        and each["CreationTime"] <= wanted.get("CreationTimeBefore", float("inf"))
    ]
    by = name_field if wanted.get("SortBy") == "Name" else "CreationTime"
    found.sort(key=lambda each: each[by], reverse=wanted.get("SortOrder", "Ascending") == "Descending")
    size = wanted.get("MaxResults", _DEFAULT_PAGE_SIZE)
    shown = [{field: each[field] for field in summary if field in each} for each in found]
    items, token = page(shown, wanted.get("NextToken"), size, invalid("Invalid NextToken."))
    return {"items": items, **({"NextToken": token} if token else {})}
