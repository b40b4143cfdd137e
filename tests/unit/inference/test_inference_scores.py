"""The function and the endpoint together answer what the training code would: a trained model, really served.

Of a photo that is scaled before it is sent, a probability may move by SCALED: these photos are all grain and
the model is unsure of them; of the demo's, made large, none moved by 0.02.
The endpoint computes in float32 here, as training does; what bfloat16 may change is its own tests' business.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from functions.inference import handler
from functions.inference.images import prepare_image
from tests.support.float_tolerance import lead, near_scores, probability_tolerance
from tests.unit.inference.aws_replies import environment, invocations, live_pointer_value, ssm_parameter
from tests.unit.inference.fetching.image_host import LocalServer, Reply, send
from tests.unit.inference.images.pictures import encode
from tests.unit.inference.lambda_process import context, forget

pytestmark = pytest.mark.slow

SCALED = 0.1
COLOURS = {"amber": (230, 160, 30), "blue": (30, 60, 220), "green": (40, 170, 60)}
# The last three are scaled by the function.
SIZES = [
    (307, 172),
    (172, 307),
    (500, 375),
    (640, 480),
    (1000, 750),
    (1600, 1200),
    (1300, 1100),
    (2100, 1060),
]
PHOTOS_A_CLASS = 8


def photo(label: str, number: int) -> Image.Image:
    """Soft shapes and grain over a colour: no two alike, and not all easy to tell apart."""
    size = SIZES[number % len(SIZES)]
    # Not Image.effect_noise: its numbers go on from whatever test drew some before.
    rng = np.random.default_rng([list(COLOURS).index(label), number])
    coarse = noise(rng, (12, 9), 90 + number).resize(size, Image.Resampling.BICUBIC)
    base = Image.merge("RGB", [coarse, coarse.rotate(180), coarse.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    grain = noise(rng, size, 20).convert("RGB")
    return Image.blend(Image.blend(base, grain, 0.1), Image.new("RGB", size, COLOURS[label]), 0.55)


def noise(rng: np.random.Generator, size: tuple[int, int], sigma: float) -> Image.Image:
    """Grey noise around the middle."""
    values = rng.normal(128, sigma, size[::-1]).clip(0, 255)
    return Image.fromarray(values.astype(np.uint8))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    files = []
    for label in COLOURS:
        (folder / label).mkdir()
        for number in range(PHOTOS_A_CLASS):
            exif = Image.Exif()
            exif[0x0112] = 6 if number % 5 == 0 else 1
            file = folder / label / f"{number}.{'png' if number in {0, 7} else 'jpg'}"
            format_name = "PNG" if file.suffix == ".png" else "JPEG"
            file.write_bytes(encode(photo(label, number), format_name, exif=exif))
            files.append(file)
    return files


@pytest.fixture(scope="module")
def model(photos: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact of a training run on these photos."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "weights").mkdir()
    (folder / "weights" / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
    arguments = [
        "--dataset",
        photos[0].parents[1],
        "--weights",
        folder / "weights",
        "--backbone",
        SHIPPED_BACKBONE,
    ]
    arguments += ["--model-dir", folder / "model", "--output-dir", folder / "output"]
    run_python(["-m", "training.train", *arguments])
    return folder / "model"


def run_python(arguments: list[Any]) -> str:
    run = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@pytest.fixture(scope="module")
def endpoint_port(model: Path) -> Iterator[int]:
    """The model server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with subprocess.Popen(
        [sys.executable, "-m", "training.serve"],
        env={
            **os.environ,
            "SM_MODEL_DIR": str(model),
            "SAGEMAKER_BIND_TO_PORT": str(port),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        while not answers_ping(port):
            assert server.poll() is None, "the model server ended"
            time.sleep(0.2)
        yield port
        server.terminate()


def answers_ping(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def forward_to(port: int) -> Reply:
    """InvokeEndpoint's answer is the model server's; the request's body is what the function sent last."""

    def reply(handler: Any) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            data=handler.body,
            headers={"Content-Type": handler.headers["Content-Type"], "Accept": handler.headers["Accept"]},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            send(answer.read(), headers={"Content-Type": "application/json"})(handler)

    return reply


@pytest.fixture
def ask(
    serve: Callable[..., LocalServer], endpoint_port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], dict[str, Any]]]:
    aws = serve({"/": ssm_parameter(live_pointer_value()), invocations(): forward_to(endpoint_port)})
    for name, value in {
        **environment(aws),
        "MAX_IMAGE_BYTES": "20000000",
        "MAX_IMAGE_PIXELS": "40000000",
    }.items():
        monkeypatch.setenv(name, value)
    forget()

    def invoke(url: str) -> dict[str, Any]:
        answer = handler.handler({"url": url, "top_k": 3}, context(1))
        assert answer["statusCode"] == 200, answer["body"]
        return json.loads(answer["body"])

    yield invoke
    forget()


def test_each_photo_gets_the_scores_of_the_training_code(
    ask: Callable[[str], dict[str, Any]], serve: Callable[..., LocalServer], model: Path, photos: list[Path]
) -> None:
    own = json.loads(run_python([Path(__file__).with_name("training_scores.py"), model, *photos]))
    images = serve({f"/{number}": send(file.read_bytes()) for number, file in enumerate(photos)})
    scaled = clear = 0

    for number, (file, expected) in enumerate(zip(photos, own, strict=True)):
        body = ask(images.url(f"/{number}"))

        data = file.read_bytes()
        as_it_is = prepare_image(data, max_pixels=40_000_000).body == data
        scaled += not as_it_is
        found = {one["label"]: one["probability"] for one in body["predictions"]}
        wanted = dict(zip(body["classes"], expected["probabilities"], strict=True))
        within = probability_tolerance(expected["scores"], expected["temperature"]) if as_it_is else SCALED
        assert found == pytest.approx(wanted, abs=within), file
        if lead(expected["probabilities"]) > 2 * within:
            assert body["predictions"][0]["label"] == max(wanted, key=wanted.__getitem__), file
            clear += 1
        if as_it_is:
            assert body["scores"] == near_scores(expected["scores"])
    assert len(photos) // 5 <= scaled <= len(photos) // 2, "both ways were tried"
    assert clear >= len(photos) // 2
