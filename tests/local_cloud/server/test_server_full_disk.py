"""A disk that takes nothing more: what is answered as done is stored, and what was there stays."""

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local_cloud import control
from local_cloud.control import ControlError
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(
    not hasattr(psutil.Process, "rlimit"), reason="only Linux bounds the files of a running process"
)

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
EVENTS = {"EventBridgeConfiguration": {}}
PART = b"p" * 5 * 1024 * 1024


@dataclass
class Disk:
    """A cloud, and whether its disk takes anything."""

    folder: Path
    client: Callable[[str], Any]
    server: psutil.Process

    def is_full(self, full: bool) -> None:
        """As a full disk does, this fails every write of a byte; the number of the error is another one."""
        self.server.rlimit(psutil.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY) if full else UNLIMITED)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory, cloud_client: Callable[..., Any]) -> Iterator[Disk]:
    folder = tmp_path_factory.mktemp("full-disk") / "state"
    cloud = control.start(folder, port=0)
    yield Disk(folder, lambda service: cloud_client(service, cloud), psutil.Process(cloud.pid))
    control.stop(folder)


@pytest.fixture
def s3(disk: Disk) -> Iterator[Any]:
    """With a versioned bucket `photos` that has the key `old` with the content `1`."""
    client = disk.client("s3")
    if not client.list_buckets()["Buckets"]:
        client.create_bucket(Bucket="photos")
        client.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
        client.put_object(Bucket="photos", Key="old", Body=b"1")
    yield client
    disk.is_full(False)


def _refusal(call: Callable[..., Any], **arguments: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call(Bucket="photos", **arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert caught.value.response["Error"]["Code"] == "InternalError"
    assert "could not store this: File too large" in str(caught.value)
    return caught.value


def _content(s3: Any, key: str) -> bytes:
    content: bytes = s3.get_object(Bucket="photos", Key=key)["Body"].read()
    return content


def test_what_was_there_stays_whole(disk: Disk, s3: Any) -> None:
    before = s3.list_object_versions(Bucket="photos")["Versions"]
    disk.is_full(True)
    _refusal(s3.put_object, Key="old", Body=b"22", Tagging="a=b")
    _refusal(s3.put_object, Key="new", Body=b"22")
    _refusal(s3.copy_object, Key="copy", CopySource="photos/old")
    _refusal(s3.put_object_tagging, Key="old", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    _refusal(s3.delete_object, Key="old")
    _refusal(s3.delete_objects, Delete={"Objects": [{"Key": "old"}]})
    assert _content(s3, "old") == b"1"
    answer = s3.list_object_versions(Bucket="photos")
    assert answer["Versions"] == before
    assert "DeleteMarkers" not in answer
    assert s3.get_object_tagging(Bucket="photos", Key="old")["TagSet"] == []


def test_an_upload_goes_on_when_there_is_room_again(disk: Disk, s3: Any) -> None:
    begun = s3.create_multipart_upload(Bucket="photos", Key="large")
    upload = {"Key": "large", "UploadId": begun["UploadId"]}
    first = s3.upload_part(Bucket="photos", **upload, PartNumber=1, Body=PART)
    disk.is_full(True)
    _refusal(s3.upload_part, **upload, PartNumber=2, Body=b"end")
    parts = [{"PartNumber": 1, "ETag": first["ETag"]}]
    _refusal(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts})
    assert len(s3.list_parts(Bucket="photos", **upload)["Parts"]) == 1

    disk.is_full(False)
    second = s3.upload_part(Bucket="photos", **upload, PartNumber=2, Body=b"end")
    parts.append({"PartNumber": 2, "ETag": second["ETag"]})
    s3.complete_multipart_upload(Bucket="photos", **upload, MultipartUpload={"Parts": parts})
    assert _content(s3, "large") == PART + b"end"


def test_nobody_hears_of_an_object_that_is_not_there(disk: Disk, s3: Any) -> None:
    sqs = disk.client("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    events = disk.client("events")
    events.put_rule(Name="told", EventPattern='{"source": ["aws.s3"]}')
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="told", Targets=[{"Id": "told", "Arn": arn}])
    s3.put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=EVENTS)
    disk.is_full(True)
    _refusal(s3.put_object, Key="unstored", Body=b"1")
    disk.is_full(False)
    s3.put_object(Bucket="photos", Key="stored", Body=b"1")
    told = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert ['"stored"' in message["Body"] for message in told] == [True]


def test_a_state_that_cannot_be_saved_is_told_until_the_next_start(disk: Disk, s3: Any) -> None:
    # A cloud that answers before its first save has no error either.
    wait_until(lambda: (saved := control.save_state(disk.folder)).saved_at and not saved.save_error)
    disk.is_full(True)
    disk.client("ssm").put_parameter(Name="/live", Value="a", Type="String")
    with pytest.raises(ControlError, match=r"cloud\.json: File too large"):
        control.wait_until_saved(disk.folder)
    assert control.stop(disk.folder)
    end = control.sudden_end(disk.folder)
    assert end is not None
    assert end.lost_s is not None
    assert end.lost_s > 0

    cloud = control.start(disk.folder, port=0)
    told = control.sudden_end(disk.folder)
    disk.server = psutil.Process(cloud.pid)
    assert told is not None
    assert told.saved_at == end.saved_at
