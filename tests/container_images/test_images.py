"""Both container images, really built and run as SageMaker runs them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.container_images.buildah import Buildah
from tests.container_images.container_serving import check_serving

pytestmark = pytest.mark.timeout(900)

MAX_SERVE_BYTES = 300_000_000


@pytest.fixture
def model(job: Path, tmp_path: Path) -> Path:
    """As an endpoint has it: unpacked, of another owner, and not to be written."""
    folder = tmp_path / "model"
    shutil.copytree(job / "model", folder)
    tmp_path.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@pytest.mark.parametrize("user", ["0:0", "65534:65534"], ids=["root", "nobody"])
def test_what_train_made_is_served(
    buildah: Buildah, serve_image: str, model: Path, user: str, tmp_path: Path
) -> None:
    with buildah.container(serve_image) as container:
        check_serving(container, model, tmp_path / "serve.log", user=user)


def test_a_job_leaves_what_sagemaker_uploads(job: Path) -> None:
    served = {"graph.xml", "graph.bin", "classes.json", "model.json"}
    assert served <= {path.name for path in (job / "model").iterdir()}
    assert json.loads((job / "output" / "data" / "metrics.json").read_text())["run_id"] == "a" * 32
    assert (job / "output" / "success").exists()


def test_sagemaker_finds_the_commands(buildah: Buildah, serve_image: str, train_image: str) -> None:
    """It runs `docker run IMAGE serve` as root: an entrypoint would get `serve` as its argument."""
    for image in (serve_image, train_image):
        configuration = buildah.configuration(image)
        assert configuration["Cmd"] == [image]
        assert not configuration.get("Entrypoint")
        assert not configuration.get("User")
        path = next(entry for entry in configuration["Env"] if entry.startswith("PATH="))
        with buildah.container(image) as container:
            folders = path.removeprefix("PATH=").split(":")
            assert any((container.root / folder.strip("/") / image).is_file() for folder in folders)


def test_sizes(
    buildah: Buildah,
    serve_image: str,
    train_image: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the images add to their base; the train image takes minutes to compress."""
    with buildah.container(serve_image) as serve, buildah.container(train_image) as train:
        compressed = serve.compressed_bytes("/opt", tmp_path / "serve.tar.gz")
        with capsys.disabled():
            print(
                f"\nwithout the base: serve {serve.size_bytes('/opt') / 1e6:.0f} MB,"
                f" {compressed / 1e6:.0f} MB compressed;"
                f" train {train.size_bytes('/opt') / 1e6:.0f} MB"
            )
        assert compressed < MAX_SERVE_BYTES
