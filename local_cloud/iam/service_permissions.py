"""The IAM actions and resources of calls that the emulator's own table does not know well enough.

The source is the Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from local_cloud.botocore_sessions import new_session
from local_cloud.iam.dependent_permissions import scaling_permissions
from local_cloud.iam.permission import Permission

SAGEMAKER_RESOURCES = {
    "TrainingJobName": "training-job",
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": "model-package",
}
# They name a group, and are about its packages, each of which is called by its version.
_OF_A_GROUPS_PACKAGES = ("CreateModelPackage", "ListModelPackages")
# RunInstances is checked against each kind of resource that it makes or uses.
RUN_INSTANCES_RESOURCES = ("instance", "network-interface", "security-group", "subnet", "volume")
TAG_KEY = re.compile(r"(TagSpecification\.\d+)\.Tag\.\d+\.Key")
LAMBDA_ACTIONS = {
    "Invoke": "InvokeFunction",
    "InvokeAsync": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
}


def added_service(
    service: str, action: str, parameters: Mapping[str, Any], region: str, account_id: str
) -> tuple[Permission, ...]:
    """A call of a service that is added to the emulator; `parameters` as the API names them."""
    name = f"{service}:{action}"
    if service == "application-autoscaling":
        own = _autoscaling_call(name, parameters, region, account_id)
        return (own, *scaling_permissions(action, parameters, region, account_id))
    prefix = f"arn:aws:sagemaker:{region}:{account_id}:"
    if action in _OF_A_GROUPS_PACKAGES and "ModelPackageGroupName" in parameters:
        group = parameters["ModelPackageGroupName"].rpartition("/")[2].lower()
        return (Permission(name, f"{prefix}model-package/{group}/1"),)
    if isinstance(parameters.get("ModelPackageArn"), str):
        return (Permission(name, parameters["ModelPackageArn"]),)
    # SageMaker writes names in lower case in its ARNs.
    resources = {
        member: _sagemaker_arn(prefix, kind, parameters[member])
        for member, kind in SAGEMAKER_RESOURCES.items()
        if isinstance(parameters.get(member), str)
    }
    found = [Permission(name, resource) for resource in resources.values()] or [Permission(name, "*")]
    created = resources.get(action.removeprefix("Create") + "Name")
    if action.startswith("Create") and parameters.get("Tags") and created:
        found.append(Permission("sagemaker:AddTags", created))
    return tuple(found)


def _sagemaker_arn(prefix: str, kind: str, name: str) -> str:
    """Of a name; some calls take the ARN for one."""
    return name if name.startswith("arn:") else f"{prefix}{kind}/{name.lower()}"


def _autoscaling_call(name: str, parameters: Mapping[str, Any], region: str, account_id: str) -> Permission:
    """Describe actions know no resource; a target's own id is known only once it is registered."""
    if ":Describe" in name:
        return Permission(name, "*")
    context = {
        "application-autoscaling:service-namespace": parameters.get("ServiceNamespace", ""),
        "application-autoscaling:scalable-dimension": parameters.get("ScalableDimension", ""),
    }
    resource = f"arn:aws:application-autoscaling:{region}:{account_id}:scalable-target/*"
    return Permission(name, resource, context)


def added_route(path: str, region: str, account_id: str) -> tuple[Permission, ...]:
    """A call of the SageMaker runtime, which has no action but in its path."""
    match = re.fullmatch(r"/endpoints/([^/]+)/invocations", path)
    if not match:
        return ()
    return added_service("sagemaker", "InvokeEndpoint", {"EndpointName": match[1]}, region, account_id)


def lambda_call(
    method: str, path: str, query: Mapping[str, Sequence[str]], region: str, account_id: str
) -> list[Permission]:
    """A call of the Lambda API; the qualifier is part of the resource."""
    match_and_operation = _lambda_operation(method, path, "List" in query)
    if match_and_operation is None:
        return []
    operation, arguments = match_and_operation
    action = f"lambda:{LAMBDA_ACTIONS.get(operation, operation)}"
    name = arguments.get("FunctionName")
    if name is None:
        return [Permission(action, "*")]
    arn = name if name.startswith("arn:") else f"arn:aws:lambda:{region}:{account_id}:function:{name}"
    qualifier = query.get("Qualifier")
    if qualifier and arn.count(":") == 6:
        arn = f"{arn}:{qualifier[0]}"
    return [Permission(action, arn)]


def logs_call(action: str, parameters: Mapping[str, Any], region: str, account_id: str) -> list[Permission]:
    """A call of CloudWatch Logs. A policy on a group must end in `:*`: calls are checked as on a stream.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    group = parameters.get("logGroupName")
    if not isinstance(group, str):
        return [Permission(f"logs:{action}", "*")]
    arn = f"arn:aws:logs:{region}:{account_id}:log-group:{group}:log-stream:"
    return [Permission(f"logs:{action}", arn + str(parameters.get("logStreamName", "")))]


def ec2_call(parameters: Mapping[str, Sequence[str]], region: str, account_id: str) -> list[Permission]:
    """A call of the EC2 API, as far as it acts on instances; the rest names no resource."""
    action = _first(parameters, "Action")
    if action == "RunInstances":
        return _run_instances(parameters, region, account_id)
    instances = [values[0] for name, values in parameters.items() if name.startswith("InstanceId")]
    # Describe actions are not checked against a resource.
    if action.startswith("Describe") or not instances:
        return [Permission(f"ec2:{action}", "*")]
    prefix = f"arn:aws:ec2:{region}:{account_id}:instance/"
    return [Permission(f"ec2:{action}", prefix + instance) for instance in instances]


def _run_instances(parameters: Mapping[str, Sequence[str]], region: str, account_id: str) -> list[Permission]:
    """With the tags that it sets and the parameter that names its image."""
    prefix = f"arn:aws:ec2:{region}:{account_id}:"
    context = {"ec2:InstanceType": _first(parameters, "InstanceType")}
    tags = _tag_specifications(parameters)
    found = [
        Permission("ec2:RunInstances", f"{prefix}{kind}/*", context | tags.get(kind, {}))
        for kind in RUN_INSTANCES_RESOURCES
    ]
    found.append(Permission("ec2:RunInstances", f"arn:aws:ec2:{region}::image/*", context))
    created = {"ec2:CreateAction": "RunInstances"}
    found += [
        Permission("ec2:CreateTags", f"{prefix}{kind}/*", context | created | own)
        for kind, own in tags.items()
    ]
    image = _first(parameters, "ImageId")
    if image.startswith("resolve:ssm:"):
        name = image.removeprefix("resolve:ssm:").lstrip("/")
        owner = "" if name.startswith("aws/") else account_id
        found.append(Permission("ssm:GetParameters", f"arn:aws:ssm:{region}:{owner}:parameter/{name}"))
    return found


def _tag_specifications(parameters: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Kind of resource -> the condition keys of the tags that a launch sets on it."""
    found: dict[str, dict[str, str]] = {}
    for name in parameters:
        match = TAG_KEY.fullmatch(name)
        if match:
            kind = _first(parameters, f"{match[1]}.ResourceType")
            value = _first(parameters, name.removesuffix("Key") + "Value")
            found.setdefault(kind, {})[f"aws:RequestTag/{_first(parameters, name)}"] = value
    return found


def _first(parameters: Mapping[str, Sequence[str]], name: str) -> str:
    return (parameters.get(name) or [""])[0]


def _lambda_operation(method: str, path: str, is_list: bool) -> tuple[str, dict[str, str]] | None:
    for operation, operation_method, pattern, lists in _lambda_routes():
        if method == operation_method and lists == is_list:
            match = pattern.fullmatch(path.rstrip("/"))
            if match:
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


@cache
def _lambda_routes() -> list[tuple[str, str, re.Pattern[str], bool]]:
    """(operation, HTTP method, pattern of the path, whether `?List` tells it from another)."""
    model = new_session().get_service_model("lambda")
    routes = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].rstrip("/").partition("?")
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
        routes.append((name, http["method"], re.compile(pattern), query.startswith("List")))
    return routes
