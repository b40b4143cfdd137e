"""The template's parameters for a deployment: what a person chose now, else what they chose before."""

import platform
import sys
from collections.abc import Mapping
from typing import Any

from deploy_scripts import local_target
from deploy_scripts.aws import Aws
from deploy_scripts.cloudformation.sam_template import check_known, defaults, with_source
from deploy_scripts.errors import CliError
from functions.common.errors import SettingsError
from functions.inference.fetching.allowed_hosts import parse_hosts

# A local cloud answers at once; its photos may come from this machine, whose processor serves.
LOCAL_PARAMETERS = {
    "EndpointInstanceType": "ml.m6g.large" if platform.machine() in {"arm64", "aarch64"} else "ml.m5.large",
    "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
    "PollSeconds": "1",
    "DrainSeconds": "2",
    "BakeSeconds": "2",
    "QuietSeconds": "5",
    "PointerCacheSeconds": "1",
    "AllowedPrivateHosts": "127.0.0.1,localhost",
}
# Lists of hosts: an entry that matches nothing would allow or deny nothing, without a word.
HOST_PARAMETERS = {"AllowedHosts", "DeniedHosts", "AllowedPrivateHosts"}
# Of Network=existing.
VPC_PARAMETERS = ("VpcSubnetIds", "VpcSecurityGroupIds")
# What a deployment makes anew each time; of images only those that nobody names.
MADE_BY_DEPLOYMENT = {
    "ArtifactsBucket",
    "TrainingCodeKey",
    "Ec2BootKey",
    "PythonRuntime",
    "Architecture",
    "ServingImageUri",
    "TrainingImageUri",
    "GpuTrainingImageUri",
    "ImageRepositoryArns",
    "IdleCost",
}
# The first may not be greater than the second.
_ORDERED = (("ProvisionedConcurrency", "ReservedConcurrency"), ("MinInstances", "MaxInstances"))


def parse_parameters(options: list[str]) -> dict[str, str]:
    """`["MaxInstances=3"]` by name. Raises CliError naming the option that is wrong."""
    parameters = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator or not name:
            raise CliError(f"--parameter {option} is not understood.", "Write --parameter MaxInstances=3.")
        parameters[name] = value
    return parameters


def check_parameters(
    chosen: dict[str, str], template: dict[str, Any], sources: Mapping[str, str] | None = None
) -> None:
    """Raises CliError for a name that the template does not have, and for a malformed list of hosts.

    `sources`: where those stand that a file has, for the error.
    """
    check_known(chosen, template, sources)
    for name in sorted(HOST_PARAMETERS & set(chosen)):
        try:
            parse_hosts(chosen[name])
        except SettingsError as error:
            raise CliError(
                f"The parameter {with_source(name, sources)} is malformed: {error}.",
                f'Write --parameter "{name}=example.com, *.example.org, 192.0.2.7".',
            ) from error


def resolve_parameters(
    aws: Aws, chosen: dict[str, str], template: dict[str, Any], *, deployed: dict[str, str]
) -> dict[str, str]:
    """The values to deploy with, without those that are the template's defaults; `deployed` are the stack's.

    CloudFormation would take the default of each parameter that an update does not name. Raises CliError for
    values that do not go together.
    """
    known = set(template["Parameters"]) - MADE_BY_DEPLOYMENT
    kept = {name: value for name, value in deployed.items() if name in known}
    local = {}
    if aws.is_local:
        local = {**LOCAL_PARAMETERS, **local_target.image_parameters(aws.account_id, aws.region)}
    resolved = {**local, **kept, **chosen}
    planned = {**defaults(template), **resolved}
    _check_order(planned)
    _check_network(planned, chosen)
    _check_no_vpc_goes(planned, deployed)
    return resolved


def _check_no_vpc_goes(planned: dict[str, str], deployed: dict[str, str]) -> None:
    """What serves in the VPC that the stack made would lose its subnets."""
    if deployed.get("Network") == "new" and planned["Network"] != "new":
        raise CliError(
            "This deployment runs in the VPC that it made, which cannot be taken from under what serves.",
            "Run `dropserve destroy` first, which keeps the data; then deploy, and drop once more.",
        )


def _check_network(planned: dict[str, str], chosen: dict[str, str]) -> None:
    if planned["Network"] == "existing":
        if missing := [name for name in VPC_PARAMETERS if not planned[name]]:
            raise CliError(
                f"Network=existing needs {' and '.join(missing)}.",
                "Write --parameter VpcSubnetIds=subnet-0a,subnet-0b --parameter VpcSecurityGroupIds=sg-0c.",
            )
    elif useless := [name for name in VPC_PARAMETERS if chosen.get(name)]:
        raise CliError(
            f"{' and '.join(useless)} would be used with Network=existing only; it is {planned['Network']}.",
            "Add --parameter Network=existing.",
        )


def _check_order(planned: dict[str, str]) -> None:
    for lesser, greater in _ORDERED:
        values = [float(planned[name]) for name in (lesser, greater)]
        if values[0] > values[1]:
            raise CliError(
                f"{lesser} is {values[0]:g}, and {greater} only {values[1]:g}.",
                f"Write --parameter {lesser}={values[1]:g}, or --parameter {greater}={values[0]:g}.",
            )
