"""What the SageMaker tests share: an in-memory AWS, tiny containers, and a way to call a service."""

import io
import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.containers import Container, Containers
from local_cloud.service import Call, HttpCall, HttpReply, Service

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/tiny:1"

TRAIN_SCRIPT = """
import json, os, pathlib, signal, sys, time
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
hyperparameters = json.loads((base / "input/config/hyperparameters.json").read_text())
print("environment", json.dumps(sorted(os.environ)), flush=True)
print("accuracy=0.25; accuracy=0.75;", flush=True)
checkpoints = base / "checkpoints"
if checkpoints.exists():
    print("restored", sorted(path.name for path in checkpoints.iterdir()), flush=True)
    (checkpoints / "epoch-2").write_text("two")
def save(*_):
    (base / "model" / f"weights-{base.name}").write_text("saved at SIGTERM")
    sys.exit(0)
action = hyperparameters.get("action", "succeed")
if action == "wait":
    signal.signal(signal.SIGTERM, save)
    print("waiting", flush=True)
    time.sleep(60)
if action == "fail":
    (base / "output" / "failure").write_text("the learning rate exploded" + "!" * 2000)
    sys.exit(7)
if action == "crash":
    os.kill(os.getpid(), signal.SIGKILL)
if action == "share":
    resources = json.loads((base / "input/config/resourceconfig.json").read_text())
    rank = resources["hosts"].index(resources["current_host"])
    (base / "model" / f"part-{rank}").write_text(os.environ["MASTER_ADDR"])
    if rank == 1 and "fail" in hyperparameters:
        (base / "output" / "failure").write_text("part 1 exploded")
        sys.exit(3)
    if "wait" in hyperparameters:
        signal.signal(signal.SIGTERM, save)
        print("waiting", flush=True)
        time.sleep(60)
    print(f"rank={rank};", flush=True)
    sys.exit(0)
root = base / "input/data"
data = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
(base / "model" / "weights").write_text(json.dumps(data))
if action == "report":
    (base / "output" / "data" / "report.html").write_text("a report")
print("accuracy=0.875;", flush=True)
"""

SERVE_SCRIPT = """
import http.server, json, os, pathlib, sys, time
name = (pathlib.Path(os.environ["SM_MODEL_DIR"]) / "name").read_text()
print("serving", name, flush=True)
if name == "broken":
    sys.exit(3)
while pathlib.Path(os.environ.get("HOLD", "")).is_file():
    time.sleep(0.01)
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        attributes = "X-Amzn-SageMaker-Custom-Attributes"
        self.send_header(attributes, self.headers.get(attributes, ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(503 if getattr(self.server, "sick", False) else 200, b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "die":
            os._exit(1)
        if body == "sick":
            self.server.sick = True
        if body == "slow":
            time.sleep(30)
        if body.startswith("wait"):
            time.sleep(float(body.split()[1]))
        if body == "bad":
            self.answer(400, b"not an image")
            return
        self.answer(200, json.dumps({"model": name, "pid": os.getpid(), "type": self.headers["Content-Type"],
                                     "accept": self.headers["Accept"]}).encode())
address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


def write_containers(folder: Path) -> Containers:
    """The tiny training and serving programs, as the one container image that there is."""
    folder.mkdir(parents=True, exist_ok=True)
    train, serve = folder / "train.py", folder / "serve.py"
    train.write_text(TRAIN_SCRIPT)
    serve.write_text(SERVE_SCRIPT)
    python = sys.executable
    return Containers((Container(re.compile("/tiny"), (python, str(train)), (python, str(serve))),))


def model_archive(name: str) -> bytes:
    """A model.tar.gz for the tiny serving program, which answers with `name`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("name")
        member.size = len(name)
        tar.addfile(member, io.BytesIO(name.encode()))
    return buffer.getvalue()


class FakeAws:
    """Makes the clients that the services use; holds what they keep."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, bytes]] = {"data": {}}
        self.log_lines: dict[str, list[str]] = {}
        self.metric_data: list[dict[str, Any]] = []
        self.alarms: dict[str, dict[str, Any]] = {}
        self.roles = {"training": ROLE}
        self.asked_as: set[tuple[str, str]] = set()

    def __call__(self, service: str, role_arn: str, region: str) -> Any:
        self.asked_as.add((service, role_arn))
        return {"s3": _S3, "iam": _Iam, "logs": _Logs, "cloudwatch": _CloudWatch}[service](self)


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Operation")


class _S3:
    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def get_paginator(self, _name: str) -> "_S3":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        if Bucket not in self._aws.objects:
            raise _error("NoSuchBucket")
        keys = sorted(key for key in self._aws.objects[Bucket] if key.startswith(Prefix))
        # Two keys a page: what is on the later pages must not be lost.
        pages = [keys[at : at + 2] for at in range(0, len(keys), 2)] or [[]]
        return [{"Contents": [{"Key": key} for key in each]} if each else {} for each in pages]

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self._aws.objects.get(Bucket, {}):
            raise _error("404")
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.head_object(Bucket=Bucket, Key=Key)
        return {"Body": io.BytesIO(self._aws.objects[Bucket][Key])}

    def upload_file(self, source: str, bucket: str, key: str) -> None:
        self._aws.objects[bucket][key] = Path(source).read_bytes()

    def list_buckets(self) -> dict[str, Any]:
        return {"Buckets": []}


class _Iam:
    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def get_role(self, *, RoleName: str) -> dict[str, Any]:  # noqa: N803
        if RoleName not in self._aws.roles:
            raise _error("NoSuchEntity")
        service = "lambda.amazonaws.com" if RoleName == "function" else "sagemaker.amazonaws.com"
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        return {
            "Role": {"Arn": self._aws.roles[RoleName], "AssumeRolePolicyDocument": {"Statement": [statement]}}
        }


class _Logs:
    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def create_log_group(self, **_: Any) -> None:
        raise _error("ResourceAlreadyExistsException")

    def create_log_stream(self, **_: Any) -> None:
        pass

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> None:  # noqa: N803
        lines = self._aws.log_lines.setdefault(f"{logGroupName}:{logStreamName}", [])
        lines.extend(event["message"] for event in logEvents)


class _CloudWatch:
    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        self._aws.metric_data += [{**item, "Namespace": Namespace} for item in MetricData]

    def put_metric_alarm(self, **alarm: Any) -> None:
        self._aws.alarms[alarm["AlarmName"]] = alarm

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            del self._aws.alarms[name]


class ServiceApi:
    """Calls a service as the front does."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def call(self, action: str, **parameters: Any) -> dict[str, Any]:
        request = json.loads(json.dumps(parameters))
        reply = self.service.actions()[action](Call(action, request, ACCOUNT, REGION, None))
        json.dumps(reply)
        return reply

    def invoke(self, endpoint: str, body: bytes = b"hello", **headers: str) -> HttpReply:
        path = f"/endpoints/{endpoint}/invocations"
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        call = HttpCall("POST", path, sent, body, ACCOUNT, REGION, None)
        for pattern, handler in self.service.routes().items():
            match = re.fullmatch(pattern, path)
            if match:
                return handler(call, match)
        raise AssertionError(f"no route for {path}")
