"""Which image trains and which serves, and for which processor the model is made."""

import json

import pytest

from functions.common.errors import SettingsError
from functions.plan_training.instance_types import architecture_of
from functions.plan_training.settings import read_settings


def program(made):
    return json.loads(made["hyperparameters"]["sagemaker_program"])


def test_a_cpu_trains_in_the_deployments_own_image(plan, environment):
    made = plan({"instance_type": "ml.c5.xlarge"})
    assert made["training_image_uri"] == environment["TRAINING_IMAGE_URI"]
    assert made["serving_image_uri"] == environment["SERVING_IMAGE_URI"]
    assert program(made) == "training/train.py"


def test_a_gpu_trains_in_its_own_image_which_lacks_packages_when_it_is_awss(plan, environment):
    made = plan({"instance_type": "ml.g5.xlarge"})
    assert made["training_image_uri"] == environment["GPU_TRAINING_IMAGE_URI"]
    assert program(made) == "training/install_and_train.py"
    environment["GPU_TRAINING_IMAGE_URI"] = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/my/pytorch:2"
    assert program(plan({"instance_type": "ml.g5.xlarge"})) == "training/train.py"


def test_awss_image_for_cpus_lacks_packages_too(plan, environment):
    environment["TRAINING_IMAGE_URI"] = (
        "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch@sha256:" + "3" * 64
    )
    assert program(plan({"instance_type": "ml.c5.xlarge"})) == "training/install_and_train.py"


@pytest.mark.parametrize(("endpoint", "architecture"), [("ml.m5.large", "x86_64"), ("ml.m6g.large", "arm64")])
def test_the_model_is_made_for_the_endpoints_processor(plan, environment, endpoint, architecture):
    environment["ENDPOINT_INSTANCE_TYPE"] = endpoint
    assert json.loads(plan()["hyperparameters"]["serving-architecture"]) == architecture


@pytest.mark.parametrize("name", ["SERVING_IMAGE_URI", "TRAINING_IMAGE_URI", "GPU_TRAINING_IMAGE_URI"])
def test_a_deployment_without_an_image_is_named(environment, name):
    del environment[name]
    with pytest.raises(SettingsError, match=name):
        read_settings(environment)


# Of every type that an endpoint may have, as botocore lists them: the families with ARM processors.
ARM_FAMILIES = {
    *("m6g", "m6gd", "m8g", "c6g", "c6gd", "c6gn", "c7g", "c8g", "r6g", "r6gd", "r7gd", "r8g"),
    "p6e-gb200",
}


def test_the_processor_of_every_type_that_an_endpoint_may_have():
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    types = model.shape_for("ProductionVariantInstanceType").enum
    assert len(types) > 200
    found = {name.split(".")[1] for name in types if architecture_of(name) == "arm64"}
    assert found == ARM_FAMILIES


@pytest.mark.parametrize("name", ["", "large", "ml.m5", "m5large", "ml.serverless"])
def test_what_is_no_instance_type_has_no_processor(name):
    with pytest.raises(ValueError, match="is no instance type"):
        architecture_of(name)
