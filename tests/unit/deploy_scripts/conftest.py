"""A cloud whose answers a test writes down; botocore's Stubber checks calls and answers by AWS's shapes."""

from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader
from botocore.stub import Stubber
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.aws import Aws, Target
from deploy_scripts.operations.deployment import Deployment

RUN_ID = "0123456789abcdef0123456789abcdef"
RELEASE = f"dropserve-{RUN_ID}"
OUTPUTS = {
    "BucketName": "dropserve-data",
    "StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:dropserve-training-pipeline",
    "ScoringStateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:dropserve-photo-scoring",
    "InferenceFunctionName": "dropserve-inference",
    "InferenceFunctionAliasArn": "arn:aws:lambda:us-east-1:000000000000:function:dropserve-inference:live",
    "AuditFunctionName": "dropserve-iam-audit",
    "LedgerTableName": "dropserve-ledger",
    "LivePointerParameter": "/dropserve/live",
    "LogGroupName": "/aws/vendedlogs/states/dropserve-training-pipeline",
    "Ec2TrainingLogGroupName": "/dropserve/ec2-training",
}
# One for all tests: each that read its services' models anew would take a second for it.
_LOADER = Loader()
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:dropserve-training-pipeline:one"


class StubbedCloud:
    """`aws` and `deployment` work on clients that answer what `answer()` wrote down, in that order."""

    run_id = RUN_ID
    release = RELEASE
    execution_arn = EXECUTION

    def __init__(
        self, *, target: Target | None = None, endpoint_url: str | None = "http://127.0.0.1:1"
    ) -> None:
        core = botocore.session.get_session()
        core.register_component("data_loader", _LOADER)
        core.register("before-send", _refuse_to_send)
        session = boto3.Session("x", "x", region_name="us-east-1", botocore_session=core)
        self.aws = Aws(session, target=target or Target(), endpoint_url=endpoint_url)
        self.deployment = Deployment(self.aws, OUTPUTS)
        self._stubs: dict[str, Stubber] = {}
        self._stack = ExitStack()

    @staticmethod
    def ledger_item(**attributes: str) -> dict[str, dict[str, str]]:
        """A ledger row in DynamoDB's form; `accuracy` is a number, all else are strings."""
        row = {
            "run_id": RUN_ID,
            "source": "drop",
            "bucket": OUTPUTS["BucketName"],
            "drop_key": "drops/food.zip",
            "version_id": "v1",
            "execution_arn": EXECUTION,
            "status": "live",
            "started_at": "2026-11-22T10:00:00.000Z",
            **attributes,
        }
        return {name: {"N" if name == "accuracy" else "S": value} for name, value in row.items()}

    def answer(self, client: str, call: str, answer: dict[str, Any], **expected: Any) -> None:
        self._stub(client).add_response(call, answer, expected or None)

    def refuse(self, client: str, call: str, code: str, message: str = "", **expected: Any) -> None:
        self._stub(client).add_client_error(call, code, message, expected_params=expected or None)

    def assert_all_asked(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()

    def close(self) -> None:
        self._stack.close()

    def _stub(self, client: str) -> Stubber:
        if client not in self._stubs:
            self._stubs[client] = self._stack.enter_context(Stubber(getattr(self.aws, client)))
        return self._stubs[client]


def _refuse_to_send(request: Any, **_: Any) -> None:
    """A call without an answer: nobody waits for its tries, and nothing of it gets to AWS."""
    raise AssertionError(f"no answer was written down for {request.method} {request.url}")


@pytest.fixture
def account() -> Iterator[StubbedCloud]:
    """The same for AWS itself."""
    cloud = StubbedCloud(target=Target(name="aws"), endpoint_url=None)
    yield cloud
    cloud.close()


@pytest.fixture
def stubbed() -> Iterator[StubbedCloud]:
    cloud = StubbedCloud()
    yield cloud
    cloud.close()


@pytest.fixture
def invoke(stubbed: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on the stubbed deployment."""
    app = cli.make_app()
    for name in set(cli.COMMANDS.values()):
        module = import_module(f"deploy_scripts.commands.{name}")
        if hasattr(module, "open_deployment"):
            monkeypatch.setattr(module, "open_deployment", lambda target: stubbed.deployment)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])
