"""A deployment whose endpoint is serverless: released, accepted, asked, and not paid for while idle."""

from typing import Any

import psutil

from deploy_scripts.demo_data import DEMO_GROUPS, PhotoSet


def test_a_serverless_deployment_answers(
    other_dropserve: Any, other_processes: Any, food_photos: PhotoSet
) -> None:
    assert other_dropserve.run("up", "--port", "0").returncode == 0
    options = ("--parameter", "EndpointKind=serverless", "--parameter", "ProvisionedConcurrency=0")
    deployed = other_dropserve.run("deploy", *options)
    assert deployed.returncode == 0, deployed.stderr

    run = other_dropserve.json("drop", food_photos.zip_file, "--watch")

    assert run["status"] == "live"
    status = other_dropserve.json("status")
    assert (status["endpoint_kind"], status["instance_count"]) == ("serverless", 0)
    assert status["concurrency"] == {"reserved": 6, "provisioned": None, "provisioned_status": None}
    assert status["idle_month_usd"] < 10
    scaling = other_dropserve.client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []

    answer = other_dropserve.json("predict", food_photos.held_out[0][1])
    assert set(answer["classes"]) == set(DEMO_GROUPS.values())

    # The process is gone, as after a time without a request: the next request starts one.
    servers = [each for each in other_processes() if serves(each)]
    assert servers
    for server in servers:
        server.kill()
    assert other_dropserve.json("predict", food_photos.held_out[0][1])["predictions"] == answer["predictions"]


def serves(process: psutil.Process) -> bool:
    try:
        return "SERVE_ACCESS_KEY" in process.environ()
    except psutil.Error:
        return False
