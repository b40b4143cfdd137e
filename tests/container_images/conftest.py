"""Both images, built once, and a model that one of them trained."""

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy_scripts.packaging.image_context import write_image_context
from deploy_scripts.project import ROOT, work_folder
from tests.container_images import job_folder
from tests.container_images.buildah import Buildah
from tests.container_images.debian_base import make_base

# Besides the store: the archives of bases, which are kept.
FOLDER = work_folder() / "image-test"


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "context"
    write_image_context(folder)
    return folder


@pytest.fixture(scope="session")
def architecture() -> str:
    """This machine's, as Debian calls it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


@pytest.fixture(scope="session")
def buildah(architecture: str) -> Iterator[Buildah]:
    store = FOLDER / f"store-{architecture}"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    opened = Buildah.open(store, architecture)
    yield opened
    opened.remove_all()


@pytest.fixture(scope="session")
def base(buildah: Buildah) -> str:
    return make_base(buildah, ROOT / "training" / "Dockerfile", FOLDER)


@pytest.fixture(scope="session")
def serve_image(buildah: Buildah, base: str, context: Path) -> str:
    buildah.build_target(context, "serve", base)
    return "serve"


@pytest.fixture(scope="session")
def train_image(buildah: Buildah, base: str, context: Path) -> str:
    buildah.build_target(context, "train", base)
    return "train"


@pytest.fixture(scope="session")
def job(buildah: Buildah, train_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The /opt/ml of a training job that has ended."""
    folder = tmp_path_factory.mktemp("job") / "ml"
    job_folder.write(folder)
    log = folder.with_name("train.log")
    with buildah.container(train_image) as container:
        status = container.start("train", volumes={folder: "/opt/ml"}, log=log).wait()
    assert status == 0, log.read_text()[-4000:]
    return folder
