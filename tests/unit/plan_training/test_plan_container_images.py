"""The table of container addresses against the SageMaker SDK's own."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from functions.common.errors import SettingsError
from functions.plan_training.container_images import (
    DEFAULT_ACCOUNT,
    DEFAULT_ACCOUNT_REGIONS,
    OTHER_ACCOUNTS,
    container_uri,
)

# In a process of its own: importing the SDK changes the root logger, sys.excepthook and more.
ASK_THE_SDK = """
import json, sys
from sagemaker import image_uris
answers = {}
for region in json.loads(sys.argv[1]):
    for purpose, version in (("training", "2.8.0"), ("inference", "2.6.0")):
        for kind in ("ml.m5.xlarge", "ml.g4dn.xlarge"):
            answers[f"{purpose} {region} {kind}"] = image_uris.retrieve(
                "pytorch", region, version, py_version="py312", instance_type=kind, image_scope=purpose
            )
print("ANSWERS" + json.dumps(answers))
"""


def test_the_addresses_are_the_sdks():
    regions = ["us-east-1", "cn-north-1"]
    output = subprocess.run(
        [sys.executable, "-c", ASK_THE_SDK, json.dumps(regions)], capture_output=True, text=True, check=True
    ).stdout
    answers = json.loads(output.rpartition("ANSWERS")[2])
    assert len(answers) == 4 * len(regions)
    for question, uri in answers.items():
        purpose, region, kind = question.split()
        assert container_uri(purpose, region=region, gpu="g4dn" in kind) == uri


def test_the_accounts_are_the_sdks():
    """From the SDK's own table, which is found without importing the SDK."""
    sdk = Path(importlib.util.find_spec("sagemaker").origin).parent
    table = json.loads((sdk / "image_uri_config" / "pytorch.json").read_text())
    ours = dict.fromkeys(DEFAULT_ACCOUNT_REGIONS, DEFAULT_ACCOUNT) | OTHER_ACCOUNTS
    assert table["training"]["versions"]["2.8.0"]["registries"] == ours
    assert table["inference"]["versions"]["2.6.0"]["registries"] == ours


def test_a_region_without_containers_is_named():
    with pytest.raises(SettingsError, match="mars-north-1"):
        container_uri("training", region="mars-north-1", gpu=False)


def test_a_gpu_gets_the_gpu_container(plan, environment):
    assert "-cpu-" in plan()["training_image_uri"]
    made = plan({"instance_type": "ml.g5.xlarge"})
    assert "-gpu-" in made["training_image_uri"]
    assert "-cpu-" in made["serving_image_uri"]
    environment["ENDPOINT_INSTANCE_TYPE"] = "ml.g4dn.xlarge"
    assert "-gpu-" in plan()["serving_image_uri"]
