"""The cloud's own keys: random, private, and the same after a restart; those of IAM and STS sign too."""

import contextlib
import json
import stat
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_cloud import control
from local_cloud.control import Cloud, ControlError
from local_cloud.iam import identity
from local_cloud.server.root_key import ensure_root_key, key_path, new_root_key, read_root_key
from tests.support.cloud_bench import Bench, unique

ROLE = "arn:aws:iam::000000000000:role/worker"


@pytest.fixture
def own_state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    control.stop(tmp_path / "state")


def client_of(cloud: Cloud, service: str, **keys: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the name is a variable
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
        **keys,
    )


def modes(folder: Path) -> dict[str, int]:
    """What others may do with each file and folder, the folder itself included."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        # The server writes and renames its files meanwhile.
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode):
                found[str(path)] = stat.S_IMODE(status.st_mode) & 0o077
    return found


def test_everything_in_the_state_folder_is_the_persons_alone(
    own_state: Path, cloud_client: Callable[..., Any]
) -> None:
    # What a server of before left, readable for all.
    (own_state / "s3" / "bucket").mkdir(parents=True, mode=0o755)
    (own_state / "s3" / "bucket" / "photo").write_bytes(b"mine")
    (own_state / "s3" / "bucket" / "photo").chmod(0o644)
    cloud = control.start(own_state, port=0)
    s3 = cloud_client("s3", cloud)
    s3.create_bucket(Bucket="private")
    s3.put_object(Bucket="private", Key="a/b", Body=b"x")
    bench = Bench(lambda service: cloud_client(service, cloud))
    folder_of_function, _ = bench.invoke(bench.function("def handler(event, context): return __file__"))
    assert Path(folder_of_function).is_relative_to(own_state)
    bench.client("ec2").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)
    assert not any(modes(own_state).values())
    control.stop(own_state)
    assert not any(modes(own_state).values())
    assert (own_state / "s3" / "bucket" / "photo").read_bytes() == b"mine"


def test_a_link_that_leads_out_is_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    outside.chmod(0o644)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "link").symlink_to(outside)
    (tmp_path / "state" / "folder").mkdir(mode=0o755)
    (tmp_path / "state" / "folder" / "old").touch(0o666)
    # In a process of its own: the mask is the whole process's.
    program = (
        "import sys; from pathlib import Path; from local_cloud.server.private_files import keep_private; "
        "keep_private(Path(sys.argv[1])); Path(sys.argv[1], 'new').touch()"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "state"], check=True)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644
    assert not any(modes(tmp_path / "state").values())


def test_keys_outlive_a_restart(own_state: Path, cloud_client: Callable[..., Any]) -> None:
    first = control.start(own_state, port=0)
    iam = cloud_client("iam", first)
    iam.create_user(UserName="lasting")
    made = iam.create_access_key(UserName="lasting")["AccessKey"]
    control.stop(own_state)
    second = control.start(own_state, port=0)
    assert second.root_key == first.root_key
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }
    arn = client_of(second, "sts", **keys).get_caller_identity()["Arn"]
    assert arn == "arn:aws:iam::000000000000:user/lasting"


def test_two_clouds_have_two_keys(tmp_path: Path) -> None:
    keys = [ensure_root_key(folder) for folder in (tmp_path / "a", tmp_path / "b") if not folder.mkdir()]
    assert len({key.access_key_id for key in keys}) == len({key.secret_access_key for key in keys}) == 2
    assert all(len(key.secret_access_key) == 40 for key in keys)
    assert keys[0].secret_access_key not in repr(keys[0])
    assert read_root_key(tmp_path / "a") == keys[0] == ensure_root_key(tmp_path / "a")
    assert stat.S_IMODE(key_path(tmp_path / "a").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"access_key_id": "", "secret_access_key": "x"}'])
def test_a_damaged_key_is_told(own_state: Path, text: str) -> None:
    own_state.mkdir()
    key_path(own_state).write_text(text)
    with pytest.raises(ControlError, match=r"root_key.json holds no access key.*remove it"):
        control.start(own_state, port=0)


def test_the_keys_of_a_role_follow_from_the_root_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def session(root_key: Any) -> identity.RoleSession:
        monkeypatch.setattr(identity, "_issued", identity._Issued())
        identity.configure(endpoint_url="", region="us-east-1", root_key=root_key)
        return identity.session_for(ROLE, "one")

    one, other = new_root_key(), new_root_key()
    assert session(one) == session(one)
    assert not set(vars(session(one)).values()) & {
        session(other).access_key_id,
        session(other).secret_access_key,
        session(other).session_token,
    }
    assert session(one).secret_access_key not in repr(session(one))


def test_a_key_of_iam_signs_until_it_is_switched_off(cloud: Cloud, cloud_client: Callable[..., Any]) -> None:
    iam, name = cloud_client("iam"), unique("user")
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    sts = client_of(cloud, "sts", **keys)
    assert sts.get_caller_identity()["Arn"].endswith(f":user/{name}")
    iam.update_access_key(UserName=name, AccessKeyId=made["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()


@pytest.mark.parametrize(
    ("service", "call", "unknown", "wrong"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
        ("stepfunctions", "list_state_machines", "UnrecognizedClientException", "InvalidSignatureException"),
        ("dynamodb", "list_tables", "UnrecognizedClientException", "InvalidSignatureException"),
        ("lambda", "list_functions", "UnrecognizedClientException", "InvalidSignatureException"),
        ("sagemaker", "list_endpoints", "UnrecognizedClientException", "InvalidSignatureException"),
        ("ec2", "describe_instances", "AuthFailure", "AuthFailure"),
        ("iam", "list_roles", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("cloudformation", "list_stacks", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ],
)
def test_a_refusal_has_awss_own_code(cloud: Cloud, service: str, call: str, unknown: str, wrong: str) -> None:
    key = cloud.root_key.access_key_id
    for access_key, code in (("AKIAOFANOTHERCLOUD00", unknown), (key, wrong)):
        client = client_of(cloud, service, aws_access_key_id=access_key, aws_secret_access_key="not it")
        with pytest.raises(ClientError) as refused:
            getattr(client, call)()
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["Error"]["Message"]


def test_the_code_of_a_function_has_a_presigned_url(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    name = bench.function("def handler(event, context): return 1")
    location = cloud_client("lambda").get_function(FunctionName=name)["Code"]["Location"]
    with urllib.request.urlopen(location) as reply:
        assert zipfile.ZipFile(BytesIO(reply.read())).namelist() == ["index.py"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(location.replace(name, bench.function("def handler(event, context): pass")))


def test_a_custom_resource_answers_by_its_address(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    """The address is handed to the function alone, and is good for that answer: on AWS it is presigned."""
    code = """
import json, urllib.request
def handler(event, context):
    answer = {"Status": "SUCCESS", "PhysicalResourceId": "made", "StackId": event["StackId"],
              "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"]}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).close()
"""
    arn = cloud_client("lambda").get_function(FunctionName=bench.function(code))["Configuration"][
        "FunctionArn"
    ]
    template = {"Resources": {"C": {"Type": "Custom::Thing", "Properties": {"ServiceToken": arn}}}}
    stacks, name = cloud_client("cloudformation"), unique("stack")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    resource = stacks.describe_stack_resource(StackName=name, LogicalResourceId="C")["StackResourceDetail"]
    assert resource["PhysicalResourceId"] == "made"
