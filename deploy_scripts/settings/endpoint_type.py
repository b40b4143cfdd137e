"""Which instance types the endpoint may have: SageMaker serves at them, autoscales them, and they pay."""

import re
from collections.abc import Mapping
from functools import cache

from contracts.training_job import Architecture
from deploy_scripts.errors import CliError
from functions.plan_training.instance_types import architecture_of
from functions.plan_training.settings import SERVERLESS_ARCHITECTURE

ENDPOINT_TYPE = "EndpointInstanceType"
_CHOOSE = "Choose a type with CPUs only: ml.m5.large, ml.c6i.large, or ml.m6g.large, which is ARM."
# The server runs on CPUs only.
_ACCELERATED = re.compile(r"ml\.(?:g|gr|p|inf|trn|dl)\d")
# Burstable types are not autoscaled; the console's page on autoscaling says so:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-console.html
_BURSTABLE = re.compile(r"ml\.t\d")


def check_endpoint(parameters: Mapping[str, str]) -> Architecture:
    """Its processor, which the serving image must be for. Raises CliError for a type that it cannot have."""
    architecture = check_endpoint_type(parameters[ENDPOINT_TYPE])
    return SERVERLESS_ARCHITECTURE if parameters["EndpointKind"] == "serverless" else architecture


def check_endpoint_type(instance_type: str) -> Architecture:
    """Its processor. Raises CliError with the reason for a type that the endpoint cannot have."""
    try:
        architecture = architecture_of(instance_type)
    except ValueError as error:
        raise CliError(
            f"The parameter {ENDPOINT_TYPE} is malformed: {error}.",
            f"Write --parameter {ENDPOINT_TYPE}=ml.m5.large.",
        ) from error
    if _ACCELERATED.match(instance_type):
        raise CliError(f"The server would not use the accelerators of {instance_type}.", _CHOOSE)
    if instance_type not in _hosting_types():
        raise CliError(f"SageMaker has no endpoints of the type {instance_type}.", _CHOOSE)
    if _BURSTABLE.match(instance_type):
        raise CliError(
            f"SageMaker does not autoscale burstable types such as {instance_type}.",
            _CHOOSE,
        )
    return architecture


@cache
def _hosting_types() -> set[str]:
    """By the API's own model."""
    import botocore.session  # noqa: PLC0415 - 0.1 s that `--help` need not pay
    from botocore.model import StringShape  # noqa: PLC0415

    model = botocore.session.get_session().get_service_model("sagemaker")
    shape = model.shape_for("ProductionVariantInstanceType")
    assert isinstance(shape, StringShape)  # noqa: S101 - for mypy
    return set(shape.enum)
