"""The programs that stand for AWS's containers and machine images on a laptop."""

import json
import os
import re
import socket
from pathlib import Path

import pytest

from deploy_scripts import extras, local_target, project
from deploy_scripts.errors import CliError
from deploy_scripts.packaging.weights import shipped_weights
from local_cloud.containers import read_containers

AWS_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13.0-cu133-amzn2023-sagemaker"


def test_every_image_of_a_plan_has_a_program_that_exists(tmp_path: Path) -> None:
    file = tmp_path / "containers.json"
    file.write_text(json.dumps(local_target.containers_table()))
    containers = read_containers(file)
    images = local_target.image_parameters("000000000000", "eu-west-1")

    serving = containers.find(images["ServingImageUri"])
    machine = containers.machine_path("resolve:ssm:/aws/service/deeplearning/ami/x86_64/latest/ami-id")

    for uri in (images["TrainingImageUri"], images["GpuTrainingImageUri"], AWS_IMAGE):
        training = containers.find(uri)
        assert training and training.train and os.access(training.train[0], os.X_OK), uri
    assert serving and serving.serve and serving.serve[-1] == "training.serve"
    assert {"aws", "python3"} <= {program.name for program in Path(machine[0]).iterdir()}


def test_a_built_image_that_is_named_by_its_digest_has_a_program_too(tmp_path: Path) -> None:
    file = tmp_path / "containers.json"
    file.write_text(json.dumps(local_target.containers_table()))
    built = f"111122223333.dkr.ecr.us-east-1.amazonaws.com/mine/train@sha256:{'0' * 64}"

    assert read_containers(file).find(built)


def test_a_taken_port_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CliError, match=re.escape(f"Port {port} is in use")):
            local_target.start_cloud(port)


def test_a_cloud_without_the_packages_of_its_extra_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROPSERVE_HOME", str(tmp_path))
    monkeypatch.setattr(extras, "_LOCAL_PACKAGES", ("json", "no_such_emulator"))

    with pytest.raises(CliError, match="extra `local`, which is not installed: there is no no_such_emulator"):
        local_target.start_cloud()


def test_an_installed_package_works_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DROPSERVE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    assert project.work_folder() == project.ROOT / ".dropserve"
    monkeypatch.setattr(project, "IS_INSTALLED", True)
    assert project.work_folder() == tmp_path / ".dropserve"


def test_the_shipped_weights_are_the_ones_that_training_knows() -> None:
    assert shipped_weights().stat().st_size > 10_000_000
