"""SageMaker models: how they are cut off from the network."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account


class ModelOutsideVpc(Check):
    id = "model-outside-vpc"
    category = "models"
    severity = "informational"
    title = "The model runs outside a VPC"
    risk = (
        "Its containers reach the whole internet; no network rule of yours limits where they may send data."
    )
    remediation = "Give the model a VpcConfig with private subnets when its traffic must be limited."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for model in account.models:
            if not model.in_vpc:
                yield Problem(model.arn, "It has no VpcConfig.")
