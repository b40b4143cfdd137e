"""The server's life: start, find, stop, restart, and a sudden death."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud import control
from local_cloud.control import Cloud, ControlError
from tests.support.cloud_bench import Bench
from tests.support.waiting import wait_until

MODEL_SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)[::-1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(
    ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler
).serve_forever()
"""


@pytest.fixture
def own_state(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose server, if any, is stopped in the end."""
    yield tmp_path / "state"
    control.stop(tmp_path / "state")


@pytest.fixture
def containers(tmp_path: Path) -> Path:
    path, program = tmp_path / "containers.json", tmp_path / "model_server.py"
    program.write_text(MODEL_SERVER)
    serve = [sys.executable, str(program)]
    path.write_text(json.dumps({"containers": [{"image": "dropserve-serve", "serve": serve}]}))
    return path


def _family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _endpoint(client: Callable[..., Any], bench: Bench, name: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=buffer.getvalue())
    container = {"Image": "dropserve-serve:1", "ModelDataUrl": "s3://models/model.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=bench.role(), PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
    variant["InitialInstanceCount"] = 1
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    _in_service(client, name)


def _in_service(client: Callable[..., Any], name: str) -> None:
    sagemaker = client("sagemaker")
    wait_until(
        lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService", timeout_s=60
    )


def _at(cloud: Cloud, cloud_client: Callable[..., Any]) -> Callable[..., Any]:
    return lambda service: cloud_client(service, cloud)


def test_everything_comes_back_after_a_restart(
    own_state: Path, containers: Path, cloud_client: Callable[..., Any]
) -> None:
    client = _at(control.start(own_state, port=0, containers=containers), cloud_client)
    bench = Bench(client)
    s3 = client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="kept", Key="a b", Body=b"one")["VersionId"]
    s3.put_object(Bucket="kept", Key="a b", Body=b"two")
    function = bench.function("def handler(event, context): return event")
    version = client("lambda").publish_version(FunctionName=function)["Version"]
    at = {"FunctionName": function, "Qualifier": version}
    client("lambda").put_provisioned_concurrency_config(**at, ProvisionedConcurrentExecutions=1)
    client("cloudformation").create_stack(
        StackName="kept", TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'
    )
    wait_until(
        lambda: client("cloudformation").describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    )
    _endpoint(client, bench, "kept")
    assert control.stop(own_state)

    client = _at(control.start(own_state, port=0, containers=containers), cloud_client)
    assert client("s3").get_object(Bucket="kept", Key="a b")["Body"].read() == b"two"
    assert client("s3").get_object(Bucket="kept", Key="a b", VersionId=first)["Body"].read() == b"one"
    assert Bench(client).invoke(function, {"x": 1}) == ({"x": 1}, None)
    wait_until(lambda: client("lambda").get_provisioned_concurrency_config(**at)["Status"] == "READY")
    assert client("cloudformation").describe_stacks(StackName="kept")["Stacks"][0]["StackStatus"]
    _in_service(client, "kept")
    reply = client("sagemaker-runtime").invoke_endpoint(EndpointName="kept", Body=b"abc")
    assert reply["Body"].read() == b"cba"


@pytest.mark.parametrize("sudden", [True, False])
def test_no_process_outlives_the_server(
    own_state: Path, containers: Path, cloud_client: Callable[..., Any], sudden: bool
) -> None:
    cloud = control.start(own_state, port=0, containers=containers)
    client = _at(cloud, cloud_client)
    bench = Bench(client)
    sleeper = bench.function("import time\ndef handler(event, context): time.sleep(600)")
    client("lambda").invoke(FunctionName=sleeper, InvocationType="Event", Payload=b"{}")
    _endpoint(client, bench, "left")
    script = "#!/bin/sh\ntrap '' TERM HUP\nsleep 600 &\nsleep 600\n"
    client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, UserData=script)
    # The watchdog, the function, the endpoint, and the instance: init, script, two sleeps.
    wait_until(lambda: len(_family(cloud.pid)) >= 7)
    family = _family(cloud.pid)
    if sudden:
        os.kill(cloud.pid, signal.SIGKILL)
    else:
        control.stop(own_state)
    wait_until(lambda: all(_is_gone(process) for process in family))
    assert control.find(own_state) is None


def test_a_folder_has_one_server(own_state: Path) -> None:
    cloud = control.start(own_state, port=0)
    assert control.start(own_state, port=0) == cloud
    assert control.find(own_state) == cloud
    assert control.stop(own_state)
    assert not control.stop(own_state)


def test_a_second_server_of_a_folder_is_refused(own_state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = control.start(own_state, port=0).pid
    (own_state / "server.json").unlink()
    monkeypatch.setattr("local_cloud.control.START_TIMEOUT_S", 1.0)
    with pytest.raises(ControlError, match=f"process {pid} holds .* and is not ready"):
        control.start(own_state, port=0)
    command = [sys.executable, "-m", "local_cloud", "--port", "0", "--state-dir", str(own_state)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, cwd=control.CODE)
    assert second.returncode == 1
    assert "another server serves" in second.stderr
    assert control.stop(own_state)
    assert not psutil.pid_exists(pid) or _is_gone(psutil.Process(pid))


def test_a_stale_note_is_recognised(own_state: Path) -> None:
    own_state.mkdir()
    # A process that lives, but is no server.
    (own_state / "server.json").write_text(json.dumps({"pid": os.getpid(), "port": 1}))
    assert control.find(own_state) is None
    assert not control.stop(own_state)
    assert control.start(own_state, port=0).pid != os.getpid()


def test_the_note_of_another_folder_proves_nothing(own_state: Path, tmp_path: Path) -> None:
    control.start(own_state, port=0)
    other = tmp_path / "other"
    other.mkdir()
    (other / "server.json").write_text((own_state / "server.json").read_text())
    assert control.find(other) is None


def test_a_busy_port_is_told(own_state: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ControlError, match=f"cannot listen on 127.0.0.1:{port}.*--port"):
            control.start(own_state, port=port)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ('{"containers": [{"image": "x"}]}', r'containers\[0\] needs "train" or "serve"'),
        ('{"containers": [{"image": "(", "train": ["x"]}]}', "not a regular expression"),
        ('{"machines": []}', r"unknown keys \['machines'\]"),
        ('{"machine_images": [{"image": "x", "path": "/bin"}]}', '"path" must be a list'),
    ],
)
def test_a_bad_containers_file_is_told(own_state: Path, tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ControlError, match=complaint):
        control.start(own_state, port=0, containers=path)


def test_only_this_machine_can_connect(cloud: Cloud) -> None:
    server = psutil.Process(cloud.pid)
    listening = [c.laddr for c in server.net_connections() if c.status == psutil.CONN_LISTEN]
    assert [(address.ip, address.port) for address in listening] == [
        ("127.0.0.1", int(cloud.endpoint_url.rsplit(":", 1)[-1]))
    ]


def test_unknown_operations_of_added_services(cloud_client: Callable[..., Any]) -> None:
    sagemaker = cloud_client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError, match="UnknownOperationException"):
        sagemaker.list_apps()


@pytest.mark.parametrize("sudden", [True, False])
def test_temporary_files_stay_in_the_state_folder_and_go(
    own_state: Path, cloud_client: Callable[..., Any], sudden: bool
) -> None:
    cloud = control.start(own_state, port=0)
    bench = Bench(_at(cloud, cloud_client))
    here, _ = bench.invoke(bench.function("def handler(event, context): return __file__"))
    assert Path(here).is_relative_to(own_state / "tmp")
    if sudden:
        os.kill(cloud.pid, signal.SIGKILL)
        wait_until(lambda: control.find(own_state) is None)
        control.start(own_state, port=0)
    else:
        control.stop(own_state)
    assert not Path(here).exists()
