"""A deployed dropserve: its clients, and the names that its stack gave to things."""

from dataclasses import dataclass

from contracts.workflow import release_of
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
        return release_of(self.aws.stack, run_id)


def open_deployment(target: Target) -> Deployment:
    """Raises CliError when the cloud is not running or nothing is deployed."""
    aws = connect(target)
    return Deployment(aws, read_outputs(aws))
