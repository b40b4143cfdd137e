"""What is to be deployed, as far as the checks ask: the values of the template's parameters, and choices."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from contracts.training_job import Architecture
from deploy_scripts.aws import Aws
from deploy_scripts.container_images.provide import ImageBuilder
from deploy_scripts.errors import CliError
from deploy_scripts.preflight.finding import Status
from deploy_scripts.preflight.quotas import AccountQuotas
from deploy_scripts.settings.endpoint_type import ENDPOINT_TYPE, check_endpoint


@dataclass(frozen=True)
class Intent:
    """`parameters` holds every parameter of the template that has a value; `given` those of the person."""

    aws: Aws
    parameters: Mapping[str, str]
    image_builder: ImageBuilder

    @cached_property
    def quotas(self) -> AccountQuotas:
        return AccountQuotas(self.aws)

    @property
    def endpoint_type(self) -> str:
        return self.parameters[ENDPOINT_TYPE]

    @property
    def is_serverless(self) -> bool:
        return self.parameters["EndpointKind"] == "serverless"

    @property
    def serving_architecture(self) -> Architecture:
        return check_endpoint(self.parameters)

    def number(self, parameter: str) -> int:
        """Raises CliError for what is no number."""
        try:
            return int(self.parameters[parameter])
        except ValueError as error:
            raise CliError(
                f"The parameter {parameter} is {self.parameters[parameter]!r}, and must be a whole number.",
                f"Write --parameter {parameter}=3.",
            ) from error

    def flag(self, parameter: str) -> bool:
        return self.parameters[parameter] == "true"

    @property
    def ec2_without_quota(self) -> bool:
        """Whether EC2 trains where SageMaker's quotas allow nothing."""
        return self.flag("TrainOnEc2WithoutQuota")

    @property
    def without_ec2(self) -> Status:
        """What it is when EC2 cannot train."""
        return "fail" if self.ec2_without_quota else "warn"
