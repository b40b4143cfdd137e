"""What a deployment cannot use is refused before anything is deployed."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deploy_scripts.aws import Aws
from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.errors import CliError
from deploy_scripts.project import TEMPLATE
from deploy_scripts.settings.endpoint_type import check_endpoint, check_endpoint_type
from deploy_scripts.settings.parameters import resolve_parameters
from deploy_scripts.stack_deployment import DeployChoices, deploy


class Untouched:
    """No AWS: a test fails when it is asked for anything."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


@pytest.mark.parametrize("name", ["AllowedHosts", "DeniedHosts", "AllowedPrivateHosts"])
@pytest.mark.parametrize(
    "entry", ["https://evil.example", "a.example;b.example", "10.0.0.0/8", "evil.example:80"]
)
def test_an_entry_that_is_no_host_is_named_with_its_parameter(name: str, entry: str) -> None:
    choices = DeployChoices(parameters={name: f"good.example, {entry}"})

    with pytest.raises(CliError, match=f"{name} is malformed: '{entry}' is no host"):
        deploy(cast(Aws, Untouched()), choices, say=print, warn=print)


@pytest.mark.parametrize(
    ("text", "fault"),
    [("[]", "is not JSON of the form"), ('{"suppressions": [{}]}', "must have exactly check")],
)
def test_malformed_suppressions_are_named(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "own.json"
    file.write_text(text)

    with pytest.raises(CliError, match=rf"--suppressions: .*{file}.* {fault}"):
        deploy(cast(Aws, Untouched()), DeployChoices(suppressions=file), say=print, warn=print)


@pytest.mark.parametrize(
    ("instance_type", "reason"),
    [
        ("ml.t2.medium", "does not autoscale burstable types"),
        ("ml.t3.medium", "has no endpoints of the type ml.t3.medium"),
        ("ml.m5.tiny", "has no endpoints of the type ml.m5.tiny"),
        ("m5.large", "has no endpoints of the type m5.large"),
        ("ml.g4dn.xlarge", "would not use the accelerators"),
        ("large", "is malformed"),
    ],
)
def test_a_type_that_the_endpoint_cannot_have_is_refused_with_the_reason(
    instance_type: str, reason: str
) -> None:
    with pytest.raises(CliError, match=reason):
        check_endpoint_type(instance_type)


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [("ml.m5.large", "x86_64"), ("ml.c6i.large", "x86_64"), ("ml.m6g.large", "arm64")],
)
def test_the_types_that_are_recommended_can_serve(instance_type: str, architecture: str) -> None:
    assert check_endpoint_type(instance_type) == architecture


@pytest.mark.parametrize(("kind", "architecture"), [("instances", "arm64"), ("serverless", "x86_64")])
def test_a_serverless_endpoint_is_served_from_an_image_for_x86(kind: str, architecture: str) -> None:
    parameters = {"EndpointKind": kind, "EndpointInstanceType": "ml.m6g.large"}
    assert check_endpoint(parameters) == architecture


@pytest.mark.parametrize("network", ["none", "existing"])
def test_a_vpc_is_not_taken_from_under_what_serves(network: str) -> None:
    template = read_template(TEMPLATE)
    vpc = {"VpcSubnetIds": "subnet-0a", "VpcSecurityGroupIds": "sg-0b"} if network == "existing" else {}
    aws = cast(Aws, SimpleNamespace(is_local=False))
    with pytest.raises(CliError, match="cannot be taken from under what serves"):
        resolve_parameters(aws, {"Network": network, **vpc}, template, deployed={"Network": "new"})
    assert resolve_parameters(aws, {}, template, deployed={"Network": "new"}) == {"Network": "new"}
