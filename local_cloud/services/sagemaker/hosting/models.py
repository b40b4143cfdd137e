"""CreateModel, DescribeModel, DeleteModel, ListModels."""

import copy
import time
from typing import Any

from local_cloud.service import ActionHandler, Call
from local_cloud.services.sagemaker.host import Host
from local_cloud.services.sagemaker.listing import list_page
from local_cloud.services.sagemaker.names import Caller, arn, invalid, not_here
from local_cloud.services.sagemaker.network import check_vpc
from local_cloud.services.sagemaker.resource_table import ResourceTable
from local_cloud.services.sagemaker.role_check import check_role
from local_cloud.services.sagemaker.s3_files import S3Files
from local_cloud.services.sagemaker.tags import Tags

_UNAVAILABLE = ("Containers", "InferenceExecutionConfig")
_UNAVAILABLE_IN_CONTAINER = (
    "ModelDataSource",
    "AdditionalModelDataSources",
    "ModelPackageName",
    "MultiModelConfig",
)


class Models:
    """A model is one container image and, if it has any, its model.tar.gz."""

    def __init__(self, *, host: Host, tags: Tags) -> None:
        self._host = host
        self.table = ResourceTable(kind="model", noun="model", tags=tags)

    def actions(self) -> dict[str, ActionHandler]:
        """API action name -> its handler."""
        return {
            "CreateModel": self._create,
            "DescribeModel": lambda call: self.get(call, call.parameters["ModelName"]),
            "DeleteModel": self._delete,
            "ListModels": self._list,
        }

    def get(self, caller: Caller, name: str) -> dict[str, Any]:
        """DescribeModel's document, a copy. Raises AwsError when there is no such model."""
        return self.table.get(caller, name)

    def _create(self, call: Call) -> dict[str, Any]:
        model = copy.deepcopy(call.parameters)
        name, tags = model["ModelName"], model.pop("Tags", [])
        self.table.refuse_used_name(call, name)
        self._check(model, call)
        model.update(ModelArn=arn(call, "model", name), CreationTime=time.time())
        model.setdefault("EnableNetworkIsolation", False)
        model["PrimaryContainer"].setdefault("Mode", "SingleModel")
        model["PrimaryContainer"].setdefault("Environment", {})
        return {"ModelArn": self.table.add(call, name, model, tags)}

    def _check(self, model: dict[str, Any], call: Call) -> None:
        for field in _UNAVAILABLE:
            if model.get(field):
                raise not_here(field)
        container = model.get("PrimaryContainer")
        if container is None or "Image" not in container:
            raise invalid("You must specify PrimaryContainer with an Image.")
        for field in _UNAVAILABLE_IN_CONTAINER:
            if field in container:
                raise not_here(f"PrimaryContainer.{field}")
        if container.get("Mode", "SingleModel") != "SingleModel":
            raise not_here("PrimaryContainer.Mode MultiModel")
        if "ExecutionRoleArn" not in model:
            raise invalid("You must specify ExecutionRoleArn.")
        check_role(self._host.clients, model["ExecutionRoleArn"], call.account_id, call.region)
        check_vpc(self._host.clients, model.get("VpcConfig"), model["ExecutionRoleArn"], call.region)
        program = self._host.containers.find(container["Image"])
        if program is None or program.serve is None:
            raise invalid(f"Requested image {container['Image']} not found.")
        if "ModelDataUrl" in container:
            self._check_model_data(container["ModelDataUrl"], model["ExecutionRoleArn"], call.region)

    def _check_model_data(self, uri: str, role: str, region: str) -> None:
        if not uri.startswith("s3://"):
            raise not_here("A ModelDataUrl that is not an s3:// URI")
        if not S3Files(self._host.clients("s3", role, region)).exists(uri):
            raise invalid(
                f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and that '
                'its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
                '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and '
                f"that the object is located in {region}."
            )

    def _delete(self, call: Call) -> dict[str, Any]:
        self.table.remove(call, call.parameters["ModelName"])
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        return list_page(self.table.all_of(call), call.parameters, kind="Model")
