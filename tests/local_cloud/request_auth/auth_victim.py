"""What hostile requests are aimed at: one thing a service, and how to see that it was touched."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from botocore.credentials import Credentials

from local_cloud.control import Cloud
from tests.local_cloud.request_auth.raw_requests import Answer, Raw
from tests.support.cloud_bench import Bench

EVIL = "evil.example"
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


@dataclass(frozen=True)
class Victim:
    """One request a service that leaves a trace when it is carried out, and how to see the trace."""

    requests: dict[str, Raw]
    keys: Credentials
    session: Credentials
    role_arn: str
    bucket: str
    client: Callable[..., Any]
    machine: str
    folder: Path

    def traces(self) -> list[str]:
        found = [path.name for path in self.folder.iterdir()]
        listing = self.client("s3").list_objects_v2(Bucket=self.bucket)
        found += [each["Key"] for each in listing.get("Contents", []) if each["Key"] != "own"]
        executions = self.client("stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]
        found += [execution["name"] for execution in executions]
        for reservation in self.client("ec2").describe_instances()["Reservations"]:
            found += [i["InstanceId"] for i in reservation["Instances"] if i["ImageId"] == "ami-hostile"]
        return found


def make_victim(cloud: Cloud, cloud_client: Callable[..., Any], bench: Bench, folder: Path) -> Victim:
    """A bucket, a function, a state machine and an instance that is never to boot."""
    port = int(cloud.endpoint_url.rpartition(":")[2])
    cloud_client("s3").create_bucket(Bucket="hostile")
    cloud_client("s3").put_object(Bucket="hostile", Key="own", Body=b"mine")
    code = f"import pathlib\ndef handler(event, context): pathlib.Path({str(folder / 'ran')!r}).touch()"
    function, machine, role = bench.function(code), bench.machine(PASS), bench.role()
    user_data = base64.b64encode(f"#!/bin/sh\ntouch {folder / 'booted'}\n".encode()).decode()
    form = {"Action": "RunInstances", "Version": "2016-11-15", "ImageId": "ami-hostile"}
    form |= {"MinCount": "1", "MaxCount": "1", "UserData": user_data}
    requests = {
        "s3": Raw(port, "s3", "PUT", "/hostile/planted", body=b"evil"),
        "ec2": Raw(port, "ec2", "POST", "/", body=urlencode(form).encode()).with_headers(
            Content_Type="application/x-www-form-urlencoded"
        ),
        "lambda": Raw(port, "lambda", "POST", f"/2015-03-31/functions/{function}/invocations", body=b"{}"),
        "states": Raw(
            port, "states", "POST", "/", body=json.dumps({"stateMachineArn": machine}).encode()
        ).with_headers(
            Content_Type="application/x-amz-json-1.0", X_Amz_Target="AWSStepFunctions.StartExecution"
        ),
    }
    assumed = cloud_client("sts").assume_role(RoleArn=role, RoleSessionName="hostile")["Credentials"]
    return Victim(
        requests,
        Credentials(cloud.root_key.access_key_id, cloud.root_key.secret_access_key),
        Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]),
        role,
        "hostile",
        cloud_client,
        machine,
        folder,
    )


def refused(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and not answer.cross_origin_headers
