"""A deployed dropserve: its clients, and the names that its stack gave to things."""

import re
from dataclasses import dataclass

from deploy_scripts.aws import Aws, Target, connect
from deploy_scripts.cloudformation.stack import read_outputs


@dataclass(frozen=True)
class Deployment:
    """`outputs` are the stack's own, by name."""

    aws: Aws
    outputs: dict[str, str]

    @property
    def bucket(self) -> str:
        return self.outputs["BucketName"]

    @property
    def state_machine_arn(self) -> str:
        return self.outputs["StateMachineArn"]

    @property
    def ledger_table(self) -> str:
        return self.outputs["LedgerTableName"]

    def release_of(self, run_id: str) -> str:
        """What a run calls its model, endpoint config and endpoint; its training jobs' names begin so."""
        return f"{self.aws.stack}-{run_id}"

    def is_release(self, name: str) -> bool:
        """Whether a model, endpoint config or endpoint is named as this deployment names its releases."""
        return re.fullmatch(re.escape(self.aws.stack) + "-[0-9a-f]{32}", name) is not None


def open_deployment(target: Target) -> Deployment:
    """Raises CliError when the cloud is not running or nothing is deployed."""
    aws = connect(target)
    return Deployment(aws, read_outputs(aws))
