"""What the tests of the local cloud make in it: roles, functions, state machines."""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from tests.support.waiting import wait_until

SERVICES = [f"{name}.amazonaws.com" for name in ("ec2", "events", "lambda", "sagemaker", "states")]
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class Bench:
    """Makes things in the cloud with names of their own."""

    def __init__(self, client: Callable[..., Any]) -> None:
        self.client = client
        self._functions: list[str] = []
        self._machines: list[str] = []

    def close(self) -> None:
        """Delete its functions and machines: the cloud serves many tests, and saves all that it has."""
        machines = self.client("stepfunctions")
        for arn in self._machines:
            running = machines.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
            for execution in running:
                machines.stop_execution(executionArn=execution["executionArn"])
            machines.delete_state_machine(stateMachineArn=arn)
        # Each holds a process.
        for name in self._functions:
            self.client("lambda").delete_function(FunctionName=name)

    def role(self, policy: Mapping[str, Any] = ALLOW_ALL, path: str = "/") -> str:
        """A role that every service may take, with one inline policy; its ARN."""
        iam, name = self.client("iam"), unique("role")
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}
            ],
        }
        role = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return str(role["Arn"])

    def function(self, code: str, files: Mapping[str, str] | None = None, **options: Any) -> str:
        """A function whose module is `code`, with `handler` in it, beside other `files`; its name."""
        name = unique("function")
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="index.handler",
            Role=options.pop("role", None) or self.role(),
            Code={"ZipFile": zipped({"index.py": code, **(files or {})})},
            Timeout=options.pop("timeout_s", 30),
            **options,
        )
        self._functions.append(name)
        return name

    def invoke(self, name: str, event: Any = None, **options: Any) -> tuple[Any, str | None]:
        """The function's answer and FunctionError."""
        reply = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
        return json.loads(reply["Payload"].read()), reply.get("FunctionError")

    def machine(self, definition: Mapping[str, Any], role: str | None = None) -> str:
        """A state machine; its ARN."""
        reply = self.client("stepfunctions").create_state_machine(
            name=unique("machine"), definition=json.dumps(definition), roleArn=role or self.role()
        )
        self._machines.append(reply["stateMachineArn"])
        return self._machines[-1]

    def start(self, definition: Mapping[str, Any], document: Any = None, role: str | None = None) -> str:
        """Starts an execution of a new machine; its ARN."""
        return self.start_on(self.machine(definition, role), document)

    def start_on(self, machine: str, document: Any = None) -> str:
        """Starts an execution of this machine; its ARN."""
        reply = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, input=json.dumps(document or {})
        )
        return str(reply["executionArn"])

    def finished(self, execution: str) -> dict[str, Any]:
        """The description of an execution, once it has ended."""

        def ended() -> dict[str, Any] | None:
            description: dict[str, Any] = self.client("stepfunctions").describe_execution(
                executionArn=execution
            )
            return description if description["status"] != "RUNNING" else None

        return dict(wait_until(ended))

    def run(self, definition: Mapping[str, Any], document: Any = None, role: str | None = None) -> Any:
        """The output of an execution that must succeed."""
        description = self.finished(self.start(definition, document, role))
        assert description["status"] == "SUCCEEDED", (description.get("error"), description.get("cause"))
        return json.loads(description["output"])


def task(resource: str, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    """A machine of one Task state `T`; errors are caught by `Caught` when `catch` names them."""
    catch = fields.pop("catch", None)
    state = {"Type": "Task", "Resource": resource, "End": True, **fields}
    if parameters is not None:
        state["Parameters"] = parameters
    states: dict[str, Any] = {"T": state}
    if catch:
        state["Catch"] = [{"ErrorEquals": catch, "Next": "Caught"}]
        states["Caught"] = {"Type": "Pass", "End": True}
    return {"StartAt": "T", "States": states}
