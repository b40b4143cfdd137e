"""A deployment of the demo on a local cloud of the benchmark's own, which can be killed and started again."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config

from benchmarks.support.processes import run_program
from contracts.workflow import SCALING_TARGET, VARIANT, scaling_resource
from deploy_scripts import local_target
from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.releases.live import read_live

_WRITES_AT_ONCE = 4


@contextmanager
def running_deployment(folder: Path) -> Iterator["ScoringDeployment"]:
    """The demo's release, live, of an earlier run where there is one, with the functions as they are now.

    Its cloud ends with the block.

    Raises ProgramError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["DROPSERVE_HOME"] = str(folder)
    deployment = ScoringDeployment(folder)
    try:
        deployment.start()
        deployment.command("demo" if read_live(deployment.opened) is None else "deploy")
        deployment.keep_one_instance()
        yield deployment
    finally:
        deployment.command("down")


class ScoringDeployment:
    """Its clients are made anew after a start: the port changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def command(self, *arguments: str) -> None:
        """`dropserve` with these arguments. Raises ProgramError."""
        log = self._folder / f"{arguments[0]}.log"
        run_program(["-m", "deploy_scripts.cli", *arguments], log, environment=dict(os.environ))

    def start(self) -> None:
        self.command("up", "--port", "0")

    def kill(self) -> None:
        """SIGKILL, which leaves the server no moment to save anything."""
        os.kill(local_target.running_cloud().pid, signal.SIGKILL)
        while local_target.is_running():
            time.sleep(0.1)

    @property
    def opened(self) -> Deployment:
        return open_deployment(Target())

    @property
    def endpoint(self) -> str:
        live = read_live(self.opened)
        assert live is not None  # noqa: S101 - the demo has ended as live
        return live.endpoint_name

    def keep_one_instance(self) -> None:
        """More would only share the machine's cores."""
        aws, endpoint = self.opened.aws, self.endpoint
        target = {**SCALING_TARGET, "ResourceId": scaling_resource(endpoint)}
        # An earlier run has done so.
        with suppress(aws.autoscaling.exceptions.ObjectNotFoundException):
            aws.autoscaling.deregister_scalable_target(**target)  # type: ignore[arg-type]
        aws.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": VARIANT, "DesiredInstanceCount": 1}],
        )
        while aws.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] != "InService":
            time.sleep(1)

    def upload(self, photos: list[bytes], prefix: str) -> None:
        """Each under a key of its own; those that are there are left."""
        opened = self.opened
        client, bucket = opened.aws.s3, opened.bucket
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        there = {found["Key"] for page in pages for found in page.get("Contents", [])}

        def put(number: int) -> None:
            key = f"{prefix}{number:06d}.jpg"
            if key not in there:
                client.put_object(Bucket=bucket, Key=key, Body=photos[number])

        with ThreadPoolExecutor(_WRITES_AT_ONCE) as threads:
            list(threads.map(put, range(len(photos))))

    def ask_endpoint(self, photos: list[bytes], *, at_once: int) -> float:
        """Photos a second that the endpoint answers, asked by so many clients that have them ready."""
        keys = local_target.client_variables(local_target.running_cloud())
        runtime: Any = cast(Any, boto3).client(
            "sagemaker-runtime",
            endpoint_url=keys["AWS_ENDPOINT_URL"],
            region_name=keys["AWS_REGION"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            config=Config(max_pool_connections=at_once),
        )
        name = self.endpoint

        def ask(photo: bytes) -> None:
            runtime.invoke_endpoint(EndpointName=name, Body=photo, ContentType="image/jpeg")["Body"].read()

        with ThreadPoolExecutor(at_once) as threads:
            started = time.perf_counter()
            list(threads.map(ask, photos))
        return len(photos) / (time.perf_counter() - started)
