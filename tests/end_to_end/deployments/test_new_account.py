"""A first deployment in a new account: refused with the reason, then with what the account may have."""

import json
import shlex
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet

pytestmark = pytest.mark.extended

ARM = ("--parameter", "EndpointInstanceType=ml.m6g.large")
ON_EC2 = ("--parameter", "TrainOnEc2WithoutQuota=true")


def by_check(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in document["findings"]}


def test_a_new_accounts_quotas_are_told_before_and_kept_to(
    other_dropserve: Any, food_photos: PhotoSet
) -> None:
    dropserve = other_dropserve
    up = dropserve.run("up", "--port", "0", "--quotas", "new-account")
    assert up.returncode == 0, up.stdout + up.stderr

    # The usual type is refused before anything is built, with the types that the account may have.
    refused = dropserve.run("deploy", "--json")
    assert refused.returncode == 1
    assert "Preflight failed: endpoint instances." in refused.stderr
    assert "Built" not in refused.stderr
    endpoint = by_check(json.loads(refused.stdout))["endpoint instances"]
    assert endpoint["status"] == "fail"
    assert endpoint["found"].startswith("'ml.m5.large for endpoint usage' is 0")
    assert endpoint["advice"].endswith("ml.m6g.large (2): --parameter EndpointInstanceType=ml.m6g.large")
    findings = by_check(dropserve.json("preflight", *ARM))
    assert findings["endpoint instances"]["status"] == "warn"
    assert findings["Lambda concurrency"]["status"] == "warn"

    # A type that it may have is deployed. No training instance may be started, and a run says so.
    dropserve.json("deploy", *ARM)
    rejected = json.loads(
        dropserve.run("drop", food_photos.zip_file, "--name", "first", "--watch", "--json").stdout
    )
    assert rejected["status"] == "rejected"
    assert rejected["reason"].startswith("no quota: 'ml.c5.xlarge for training job usage' is 0")

    # EC2 trains in its place, and the release goes live within the account's quotas.
    dropserve.json("deploy", *ARM, *ON_EC2)
    live = dropserve.json("run", "--key", "drops/first.zip", "--watch")
    assert (live["status"], live["backend"]) == ("live", "ec2")
    endpoint_config = dropserve.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=dropserve.live_release()
    )
    assert endpoint_config["ProductionVariants"][0]["InstanceType"] == "ml.m6g.large"

    # What preflight says to do, does it.
    command = shlex.split(findings["training instances"]["command"])
    asked = dropserve.with_aws_variables().run(*command[1:], program="aws")
    assert asked.returncode == 0, asked.stderr
    assert by_check(dropserve.json("preflight", *ARM))["training instances"]["status"] == "ok"
