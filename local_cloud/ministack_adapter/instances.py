"""EC2 instances that really run: launches, stops and their states.

States: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

import base64
import binascii
import contextvars
import hashlib
import json
import logging
import threading
import time
from contextvars import ContextVar
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import ec2, iam, ssm

from local_cloud.ec2 import Launch, Machines
from local_cloud.ministack_adapter import patch_points
from local_cloud.ministack_adapter.iam import role_of_instance_profile

logger = logging.getLogger(__name__)

Reply = tuple[int, dict[str, str], bytes]
Parameters = dict[str, Any]

PENDING = {"Code": 0, "Name": "pending"}
RUNNING = {"Code": 16, "Name": "running"}
SHUTTING_DOWN = {"Code": 32, "Name": "shutting-down"}
TERMINATED = {"Code": 48, "Name": "terminated"}
STOPPING = {"Code": 64, "Name": "stopping"}
STOPPED = {"Code": 80, "Name": "stopped"}
USER_DATA_BYTES = 16 * 1024  # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
SSM_IMAGE = "resolve:ssm:"
# Parameters that AWS itself publishes; this cloud has none of their values.
PUBLIC_PARAMETERS = "/aws/service/"

_launched: ContextVar[list[dict[str, Any]] | None] = ContextVar("launched", default=None)


class Instances:
    """Puts a running machine behind each instance that RunInstances makes."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._replies: dict[str, tuple[str, Reply]] = {}
        self._lock = threading.Lock()

    def install(self) -> None:
        """Wraps the EC2 actions that start and end instances."""
        for name in ("_instances", "_xml", "_error"):
            patch_points.take(ec2, name)
        patch_points.take(iam, "_lookup_instance_profile", "name", "arn")
        patch_points.take(ssm, "_get_parameter", "data")
        self._launch = patch_points.replace(
            ec2,
            "_launch_instances_internal",
            self._launch_pending,
            *("image_id", "instance_type", "subnet_id", "count", "key_name", "user_data", "sg_ids"),
            *("requested_private_ip", "iam_profile"),
        )
        self._run = patch_points.replace_entry(ec2, "_ACTION_MAP", "RunInstances", self._run_instances)
        self._terminate = patch_points.replace_entry(
            ec2, "_ACTION_MAP", "TerminateInstances", self._terminate_instances
        )
        self._stop = patch_points.replace_entry(ec2, "_ACTION_MAP", "StopInstances", self._stop_instances)
        ec2._ACTION_MAP["GetConsoleOutput"] = self._get_console_output

    def resume(self) -> None:
        """Instances that ran when the server ended are gone."""
        for instance in ec2._instances.all_values():
            if instance.get("Launched") and instance["State"]["Name"] not in ("terminated", "stopped"):
                _set_terminated(instance)

    def _launch_pending(self, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
        created: list[dict[str, Any]] = self._launch(*arguments, **options)
        launched = _launched.get()
        if launched is not None:
            for instance in created:
                instance.update(State=PENDING, Launched=True)
            launched.extend(created)
        return created

    def _run_instances(self, parameters: Parameters) -> Reply:
        token = _value(parameters, "ClientToken")
        if not token:
            return self._run_new(parameters)
        request = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
        with self._lock:
            if token not in self._replies:
                reply = self._run_new(parameters)
                if reply[0] == 200:
                    self._replies[token] = (request, reply)
                return reply
            known, reply = self._replies[token]
        if known != request:
            return _error("IdempotentParameterMismatch", f"The token {token} was used with other parameters")
        return reply

    def _run_new(self, parameters: Parameters) -> Reply:
        refusal = _refusal(parameters)
        if refusal:
            return refusal
        image_id = _value(parameters, "ImageId")
        token = _launched.set([])
        try:
            reply: Reply = self._run({**parameters, "ImageId": [_resolved_image(image_id)]})
            created = _launched.get() or []
        finally:
            _launched.reset(token)
        profile = _value(parameters, "IamInstanceProfile.Arn") or _value(
            parameters, "IamInstanceProfile.Name"
        )
        role_arn = role_of_instance_profile(profile) if profile else None
        user_data = base64.b64decode(_value(parameters, "UserData"))
        behavior = _value(parameters, "InstanceInitiatedShutdownBehavior") or "stop"
        for instance in created:
            launch = Launch(instance["InstanceId"], image_id, user_data, role_arn)
            _in_background(self._boot, instance, launch, behavior)
        return reply

    def _boot(self, instance: dict[str, Any], launch: Launch, behavior: str) -> None:
        context = contextvars.copy_context()
        end = self._end_terminated if behavior == "terminate" else self._end_stopped
        try:
            self._machines.start(launch, lambda: context.run(end, instance))
        except OSError:
            logger.exception("instance %s cannot start", launch.instance_id)
            _set_terminated(instance)
            return
        if instance["State"] == PENDING:
            instance["State"] = RUNNING
        else:  # it was terminated in the meantime
            self._machines.stop(launch.instance_id)

    def _terminate_instances(self, parameters: Parameters) -> Reply:
        running = self._running(parameters)
        status, headers, body = self._terminate(parameters)
        if status == 200:
            for instance in running:
                instance["State"] = SHUTTING_DOWN
                _in_background(self._end_terminated, instance)
                body = _with_state(body, instance["InstanceId"], TERMINATED, SHUTTING_DOWN)
        return status, headers, body

    def _stop_instances(self, parameters: Parameters) -> Reply:
        running = self._running(parameters)
        status, headers, body = self._stop(parameters)
        if status == 200:
            for instance in running:
                instance["State"] = STOPPING
                _in_background(self._end_stopped, instance)
                body = _with_state(body, instance["InstanceId"], STOPPED, STOPPING)
        return status, headers, body

    def _end_terminated(self, instance: dict[str, Any]) -> None:
        instance["State"] = SHUTTING_DOWN
        self._machines.stop(instance["InstanceId"])
        _set_terminated(instance)

    def _end_stopped(self, instance: dict[str, Any]) -> None:
        instance["State"] = STOPPING
        self._machines.stop(instance["InstanceId"])
        if instance["State"] == STOPPING:
            instance["State"] = STOPPED

    def _running(self, parameters: Parameters) -> list[dict[str, Any]]:
        found = (ec2._instances.get(instance_id) for instance_id in _instance_ids(parameters))
        return [
            instance
            for instance in found
            if instance and instance.get("Launched") and instance["State"]["Name"] in ("pending", "running")
        ]

    def _get_console_output(self, parameters: Parameters) -> Reply:
        instance_id = _value(parameters, "InstanceId")
        if instance_id not in ec2._instances:
            return _error("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
        output = base64.b64encode(self._machines.console_output(instance_id)).decode()
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        inner = (
            f"<instanceId>{escape(instance_id)}</instanceId><timestamp>{now}</timestamp>"
            f"<output>{output}</output>"
        )
        reply: Reply = ec2._xml(200, "GetConsoleOutputResponse", inner)
        return reply


def _refusal(parameters: Parameters) -> Reply | None:
    """What AWS refuses and ministack lets pass."""
    try:
        user_data = base64.b64decode(_value(parameters, "UserData"), validate=True)
    except binascii.Error:
        return _error("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
    if len(user_data) > USER_DATA_BYTES:
        return _error("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES} bytes")
    name, arn = (_value(parameters, f"IamInstanceProfile.{key}") for key in ("Name", "Arn"))
    if (name or arn) and not iam._lookup_instance_profile(name=name, arn=arn):
        return _error(
            "InvalidParameterValue",
            f"Value ({name or arn}) for parameter iamInstanceProfile.{'name' if name else 'arn'} is invalid. "
            f"Invalid IAM Instance Profile {'name' if name else 'ARN'}",
        )
    image_id = _value(parameters, "ImageId")
    if image_id.startswith(SSM_IMAGE) and _resolved_image(image_id) is None:
        return _error("InvalidParameterValue", f"The parameter of {image_id} does not exist")
    return None


def _resolved_image(image_id: str) -> str | None:
    """The AMI that `resolve:ssm:<parameter>` stands for; None when there is no such parameter."""
    if not image_id.startswith(SSM_IMAGE):
        return image_id
    name = image_id.removeprefix(SSM_IMAGE)
    if name.startswith(PUBLIC_PARAMETERS):
        return "ami-" + hashlib.sha256(name.encode()).hexdigest()[:17]
    status, _headers, body = ssm._get_parameter({"Name": name})
    return str(json.loads(body)["Parameter"]["Value"]) if status == 200 else None


def _set_terminated(instance: dict[str, Any]) -> None:
    # ministack forgets an instance a minute after this time.
    instance.update(State=TERMINATED, _terminated_at=time.time())


def _with_state(body: bytes, instance_id: str, old: dict[str, Any], new: dict[str, Any]) -> bytes:
    """The reply with the state that the instance has now, on its way to its end."""
    head, mark, tail = body.partition(f"<instanceId>{instance_id}<".encode())
    old_text, new_text = (
        f"<currentState><code>{state['Code']}</code><name>{state['Name']}</name>".encode()
        for state in (old, new)
    )
    return head + mark + tail.replace(old_text, new_text, 1)


def _in_background(function: Any, *arguments: Any) -> None:
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(function, *arguments), daemon=True).start()


def _instance_ids(parameters: Parameters) -> list[str]:
    return [values[0] for name, values in parameters.items() if name.startswith("InstanceId.")]


def _value(parameters: Parameters, name: str) -> str:
    values = parameters.get(name) or [""]
    return str(values[0])


def _error(code: str, message: str) -> Reply:
    reply: Reply = ec2._error(code, escape(message), 400)
    return reply
