"""What a cloud holds after a sudden end: the whole of a moment that is not long ago, and never a half."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud import control
from local_cloud.control import Cloud, ControlError
from local_cloud.server import snapshot
from local_cloud.server.snapshot import SnapshotError
from tests.support.cloud_bench import Bench
from tests.support.waiting import wait_until

WAIT = {"Type": "Wait", "Seconds": 600}
Client = Callable[[str], Any]

BUCKET_AND_RULE = {
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": "photos",
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}},
    }
}


class CloudFolder:
    """A state folder and the server that it has just now."""

    def __init__(self, folder: Path, cloud_client: Callable[..., Any]) -> None:
        self.folder = folder
        self._cloud_client = cloud_client
        self.cloud: Cloud | None = None

    def up(self) -> Client:
        containers = self.folder.parent / "containers.json"
        containers.write_text(json.dumps({"containers": [{"image": "dropserve-serve", "serve": ["false"]}]}))
        cloud = control.start(self.folder, port=0, containers=containers)
        self.cloud = cloud
        return lambda service: self._cloud_client(service, cloud)

    def saved(self) -> str:
        """The state as it was last saved, empty before the first time."""
        file = self.folder / "cloud.json"
        return file.read_text() if file.exists() else ""

    def kill(self) -> None:
        assert self.cloud is not None
        os.kill(self.cloud.pid, signal.SIGKILL)
        wait_until(lambda: not control.is_there(self.folder))


@pytest.fixture
def place(tmp_path: Path, cloud_client: Callable[..., Any]) -> Iterator[CloudFolder]:
    yield CloudFolder(tmp_path / "state", cloud_client)
    control.stop(tmp_path / "state")


def _deploy(client: Client) -> None:
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName="app", TemplateBody=json.dumps(BUCKET_AND_RULE))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="app", WaiterConfig={"Delay": 1})


def _assert_whole(client: Client) -> None:
    """What the stack made is there with all its properties, or the stack is not there either."""
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"]
    s3 = client("s3")
    assert s3.get_bucket_versioning(Bucket="photos")["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket="photos")
    assert len(client("sns").list_topics()["Topics"]) == 1


def test_each_kind_of_change_survives_a_kill(place: CloudFolder) -> None:
    """A stack; and changes by the JSON, the query, the REST and the added services' protocols."""
    client = place.up()
    bench = Bench(client)
    _deploy(client)
    client("s3").put_object(Bucket="photos", Key="one", Body=b"1")
    begun = client("s3").create_multipart_upload(Bucket="photos", Key="two")
    upload = {"Key": "two", "UploadId": begun["UploadId"]}
    client("s3").upload_part(Bucket="photos", **upload, PartNumber=1, Body=b"2")
    function, role = bench.function("def handler(event, context): return event"), bench.role()
    client("ssm").put_parameter(Name="/live", Value="a", Type="String")
    client("dynamodb").create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    client("dynamodb").put_item(TableName="ledger", Item={"id": {"S": "run"}})
    client("sagemaker").create_model(
        ModelName="m", ExecutionRoleArn=role, PrimaryContainer={"Image": "dropserve-serve"}
    )
    done = bench.start({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    bench.finished(done)
    client("ssm").put_parameter(Name="/live", Value="b", Type="String", Overwrite=True)
    control.wait_until_saved(place.folder)
    place.kill()

    client = place.up()
    _assert_whole(client)
    assert client("s3").get_object(Bucket="photos", Key="one")["Body"].read() == b"1"
    parts = client("s3").list_parts(Bucket="photos", **upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(1, 1)]
    assert Bench(client).invoke(function, {"x": 1}) == ({"x": 1}, None)
    assert client("iam").get_role(RoleName=role.rsplit("/", 1)[-1])
    assert client("ssm").get_parameter(Name="/live")["Parameter"]["Value"] == "b"
    assert client("dynamodb").get_item(TableName="ledger", Key={"id": {"S": "run"}})["Item"]
    assert client("sagemaker").describe_model(ModelName="m")["ExecutionRoleArn"] == role
    assert client("stepfunctions").describe_execution(executionArn=done)["status"] == "SUCCEEDED"


def test_executions_have_ended_after_a_kill(place: CloudFolder) -> None:
    """One in silence, before it; the other was cut off, and EventBridge tells of it as of any that fails."""
    client = place.up()
    states = {"W": {"Type": "Wait", "Seconds": 2, "Next": "P"}, "P": {"Type": "Pass", "End": True}}
    silent = Bench(client).start({"StartAt": "W", "States": states})
    running = Bench(client).start({"StartAt": "W", "States": {"W": {**WAIT, "End": True}}})
    queue = client("sqs").create_queue(QueueName="told")["QueueUrl"]
    client("events").put_rule(Name="told", EventPattern='{"detail": {"status": ["FAILED"]}}')
    arn = "arn:aws:sqs:us-east-1:000000000000:told"
    client("events").put_targets(Rule="told", Targets=[{"Id": "told", "Arn": arn}])
    wait_until(lambda: '"SUCCEEDED"' in place.saved(), timeout_s=20)
    control.wait_until_saved(place.folder)
    place.kill()

    client = place.up()
    assert client("stepfunctions").describe_execution(executionArn=silent)["status"] == "SUCCEEDED"
    found = client("stepfunctions").describe_execution(executionArn=running)
    assert (found["status"], found["error"]) == ("FAILED", "States.ServiceRestart")
    history = client("stepfunctions").get_execution_history(executionArn=running, reverseOrder=True)
    assert history["events"][0]["type"] == "ExecutionFailed"
    assert control.cut_off(place.folder) == [running]
    told = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert [json.loads(message["Body"])["detail"]["executionArn"] for message in told] == [running]


def test_a_sudden_end_is_told(place: CloudFolder) -> None:
    client = place.up()
    assert control.sudden_end(place.folder) is None
    client("ssm").put_parameter(Name="/live", Value="a", Type="String")
    control.wait_until_saved(place.folder)
    place.kill()
    place.up()
    end = control.sudden_end(place.folder)
    assert end is not None
    assert end.lost_s is not None
    assert end.lost_s >= 0
    # A clean stop leaves nothing to be told.
    control.stop(place.folder)
    assert control.sudden_end(place.folder) is None


def test_new_code_and_the_old_are_never_both_gone(place: CloudFolder) -> None:
    client = place.up()
    function = Bench(client).function("def handler(event, context): return 1")
    control.wait_until_saved(place.folder)
    saved = (place.folder / "cloud.json").read_bytes()
    other = Bench(client).function("def handler(event, context): return 2")
    client("lambda").delete_function(FunctionName=function)
    control.wait_until_saved(place.folder)
    place.kill()
    assert (place.folder / "cloud.json").read_bytes() != saved

    client = place.up()
    assert Bench(client).invoke(other) == (2, None)
    assert [each["FunctionName"] for each in client("lambda").list_functions()["Functions"]] == [other]


@pytest.mark.parametrize("moment_s", [0.0, 0.1, 0.3])
def test_a_kill_during_a_save_leaves_the_old_state_or_the_new(place: CloudFolder, moment_s: float) -> None:
    client = place.up()
    killer = threading.Timer(moment_s, place.kill)
    client("cloudformation").create_stack(StackName="app", TemplateBody=json.dumps(BUCKET_AND_RULE))
    killer.start()
    try:
        for number in range(1000):
            client("s3").put_object(Bucket="photos", Key=str(number), Body=b"1")
    except (BotoCoreError, ClientError):
        pass
    killer.join()

    client = place.up()
    if client("cloudformation").describe_stacks()["Stacks"]:
        _assert_whole(client)
    else:
        assert not client("sns").list_topics()["Topics"]
        assert client("events").list_rules()["Rules"] == []


def test_a_stopped_function_call_does_not_hold_up_the_end(place: CloudFolder) -> None:
    client = place.up()
    sleeper = Bench(client).function("import time\ndef handler(e, c): time.sleep(600)", timeout_s=900)
    machine = {
        "StartAt": "T",
        "States": {"T": {"Type": "Task", "Resource": _arn(client, sleeper), "End": True}},
    }
    Bench(client).start(machine)
    calls = [threading.Thread(target=_ignore_errors, args=(Bench(client).invoke, sleeper)) for _ in range(3)]
    for call in calls:
        call.start()
    assert place.cloud is not None
    server = psutil.Process(place.cloud.pid)
    wait_until(lambda: len(server.children(recursive=True)) >= 5)
    family = [server, *server.children(recursive=True)]

    assert control.stop(place.folder)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert not control.is_there(place.folder)
    for call in calls:
        call.join()


def _arn(client: Client, function: str) -> str:
    return str(client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"])


def _ignore_errors(call: Callable[..., Any], *arguments: Any) -> None:
    try:
        call(*arguments)
    except (BotoCoreError, ClientError):
        return


def test_a_server_that_hangs_is_found_and_ended(place: CloudFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    place.up()
    assert place.cloud is not None
    os.kill(place.cloud.pid, signal.SIGSTOP)
    monkeypatch.setattr("local_cloud.server.server_file.ASK_TIMEOUT_S", 0.5)
    monkeypatch.setattr("local_cloud.control.STOP_TIMEOUT_S", 0.5)
    assert control.find(place.folder) is None
    assert control.is_there(place.folder)

    assert control.stop(place.folder)
    assert not control.is_there(place.folder)
    wait_until(lambda: not psutil.pid_exists(place.cloud.pid) or _is_zombie(place.cloud.pid))


def _is_zombie(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


START = """
import sys
from pathlib import Path
from local_cloud import control
print(control.start(Path(sys.argv[1]), port=0).pid)
"""


def test_concurrent_starts_give_one_server(place: CloudFolder) -> None:
    starts = [
        subprocess.Popen([sys.executable, "-c", START, str(place.folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    answers = [start.communicate(timeout=90)[0] for start in starts]
    assert [start.returncode for start in starts] == [0] * 4
    assert len(set(answers)) == 1


def test_a_server_that_starts_beside_another_one_ends(
    place: CloudFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the folder as soon as the other is stopped."""
    spawn, slow = control._spawn, [sys.executable, "-c", "import time; time.sleep(600)"]
    started: list[subprocess.Popen[bytes]] = []

    def spawn_both(*arguments: Any) -> subprocess.Popen[bytes]:
        spawn(*arguments)
        started.append(subprocess.Popen(slow))
        return started[0]

    monkeypatch.setattr(control, "_spawn", spawn_both)
    place.up()
    assert started[0].poll() is not None


def test_a_start_while_another_server_ends(place: CloudFolder) -> None:
    place.up()
    first = place.cloud
    assert first is not None
    os.kill(first.pid, signal.SIGTERM)
    wait_until(lambda: control.find(place.folder) is None)
    place.up()
    assert place.cloud is not None
    assert place.cloud.pid != first.pid


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"format": 1, "emul', "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"[]", "cannot be read"),
        (b'{"format": 1}', "cannot be read"),
        (b"[" * 200_000, "cannot be read"),
        (b'{"format": 99, "emulator": {}, "services": {}}', "newer version"),
    ],
)
def test_a_damaged_state_is_told(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "cloud.json"
    file.write_bytes(content)
    with pytest.raises(SnapshotError, match=f"{re.escape(str(file))}.*{complaint}"):
        snapshot.read(file, dict)


def test_a_server_does_not_start_with_a_damaged_state_and_keeps_it(place: CloudFolder) -> None:
    place.folder.mkdir()
    file = place.folder / "cloud.json"
    file.write_bytes(b'{"format": 1, "emul')
    with pytest.raises(ControlError, match=f"{re.escape(str(file))}.*cannot be read") as caught:
        place.up()
    assert "Traceback" not in str(caught.value)
    assert file.read_bytes() == b'{"format": 1, "emul'


def test_damaged_notes_of_a_server_do_no_harm(place: CloudFolder) -> None:
    place.folder.mkdir()
    for content in (b"", b"{", b"[1, 2]", b'{"pid": "x", "port": -1}', b"1", b"\xff"):
        for left in ("server.json", "server.lock"):
            (place.folder / left).write_bytes(content)
            assert control.find(place.folder) is None
            assert not control.stop(place.folder)
            (place.folder / left).write_bytes(content)
    assert place.up()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below"):
        assert control.find(folder) is None
        assert not control.stop(folder)
        with pytest.raises(ControlError, match=f"{re.escape(str(folder))} cannot be used"):
            control.start(folder, port=0)


def test_a_saved_state_is_the_owners_alone_and_one_that_cannot_be_saved_is_told(place: CloudFolder) -> None:
    client = place.up()
    control.wait_until_saved(place.folder)
    assert (place.folder / "cloud.json").stat().st_mode & 0o077 == 0
    # In the way of the file that is written first: as if the disk were full.
    (place.folder / "cloud.tmp").mkdir()
    client("ssm").put_parameter(Name="/live", Value="a", Type="String")
    with pytest.raises(ControlError, match=r"cloud\.json"):
        control.wait_until_saved(place.folder)
    (place.folder / "cloud.tmp").rmdir()
    client("ssm").put_parameter(Name="/live", Value="b", Type="String", Overwrite=True)
    wait_until(lambda: control.save_state(place.folder).save_error is None)
    control.wait_until_saved(place.folder)
    place.kill()
    assert place.up()("ssm").get_parameter(Name="/live")["Parameter"]["Value"] == "b"
