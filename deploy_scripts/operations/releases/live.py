"""What is live, and what else of this deployment stands beside it."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deploy_scripts.aws import Aws
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from functions.common.live_pointer import PointerError, read_live_pointer
from functions.janitor import standing

_FIELDS = ("release", "endpoint_name", "run_id", "accuracy", "exposed_at")


@dataclass(frozen=True)
class Live:
    """The live pointer's content; `canary_share` is a fraction of 1."""

    release: str
    endpoint_name: str
    run_id: str
    accuracy: float
    exposed_at: str
    paused_at: str | None = None
    previous_run_id: str | None = None
    previous_endpoint_name: str | None = None
    canary_run_id: str | None = None
    canary_share: float | None = None


def read_live(deployment: Deployment) -> Live | None:
    """None before the first release. Raises CliError when the live pointer cannot be understood."""
    name = deployment.outputs["LivePointerParameter"]
    try:
        pointer = read_live_pointer(name, ssm=deployment.aws.ssm)
    except PointerError as error:
        raise _pointer_error(name, f"cannot be used: {error}") from error
    if pointer is None:
        return None
    if not isinstance(pointer.get("exposed_at"), str):
        raise _pointer_error(name, "has no exposed_at")
    previous, canary = pointer.get("previous") or {}, pointer.get("canary") or {}
    return Live(
        **{name: pointer[name] for name in _FIELDS},
        paused_at=pointer.get("paused_at"),
        previous_run_id=previous.get("run_id"),
        previous_endpoint_name=previous.get("endpoint_name"),
        canary_run_id=canary.get("run_id"),
        canary_share=canary.get("share"),
    )


def find_parameter(aws: Aws, name: str) -> str | None:
    """The value of an SSM parameter; None when there is no such parameter."""
    try:
        return aws.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError as error:
        if is_error(error, "ParameterNotFound"):
            return None
        raise


def _pointer_error(name: str, fault: str) -> CliError:
    return CliError(
        f"The SSM parameter {name}, which says what is live, {fault}.",
        "Set it to {} (nothing is live), then release again: `dropserve run --force --watch`.",
    )


def endpoint_size(deployment: Deployment, endpoint_name: str) -> dict[str, Any]:
    """`endpoint_kind` and `instance_count`, which serve now; None when there is no such endpoint."""
    try:
        endpoint = deployment.aws.sagemaker.describe_endpoint(EndpointName=endpoint_name)
    except ClientError as error:
        if is_error(error, "ValidationException"):
            return {"endpoint_kind": None, "instance_count": None}
        raise
    variants = endpoint.get("ProductionVariants", [])
    serverless = any("CurrentServerlessConfig" in variant for variant in variants)
    return {
        "endpoint_kind": "serverless" if serverless else "instances",
        "instance_count": sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
    }


def read_concurrency(deployment: Deployment) -> dict[str, Any]:
    """The inference function's reserved and provisioned concurrency; None where none is set."""
    functions = deployment.aws.functions
    name = deployment.outputs["InferenceFunctionName"]
    reserved = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    try:
        provisioned = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    except ClientError as error:
        if not is_error(error, "ProvisionedConcurrencyConfigNotFoundException"):
            raise
        return {"reserved": reserved, "provisioned": None, "provisioned_status": None}
    return {
        "reserved": reserved,
        "provisioned": provisioned["RequestedProvisionedConcurrentExecutions"],
        "provisioned_status": provisioned["Status"],
    }


def read_besides(deployment: Deployment, live: Live | None) -> dict[str, list[str]]:
    """What costs money or waits beside the live release: names, by kind."""
    live_name = live.release if live else None
    endpoints = [name for name in list_endpoints(deployment) if name != live_name]
    executions = deployment.aws.stepfunctions.list_executions(
        stateMachineArn=deployment.state_machine_arn, statusFilter="RUNNING"
    )["executions"]
    return {
        "endpoints": endpoints,
        "endpoint_configs": [name for name in list_endpoint_configs(deployment) if name != live_name],
        "models": [name for name in list_models(deployment) if name != live_name],
        "running_executions": [execution["executionArn"] for execution in executions],
    }


def list_endpoints(deployment: Deployment) -> list[str]:
    """Those that go already are left out: nothing can be done to them any more."""
    return standing.list_endpoints(deployment.aws.stack, sagemaker=deployment.aws.sagemaker)


def list_endpoint_configs(deployment: Deployment) -> list[str]:
    return standing.list_endpoint_configs(deployment.aws.stack, sagemaker=deployment.aws.sagemaker)


def list_models(deployment: Deployment) -> list[str]:
    return standing.list_models(deployment.aws.stack, sagemaker=deployment.aws.sagemaker)
