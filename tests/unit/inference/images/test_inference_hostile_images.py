"""Every hostile image through the whole function: none reaches the model, none fills the memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.inference import handler
from tests.unit.inference.aws_replies import (
    ANSWER,
    environment,
    invocations,
    live_pointer_value,
    ssm_parameter,
)
from tests.unit.inference.fetching.image_host import LocalServer, send, send_json
from tests.unit.inference.images.hostile_images import HOSTILE_IMAGES
from tests.unit.inference.lambda_process import context, forget

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
# The address space that a worker of Lambda's 1,024 MB gets beyond what an idle one has mapped.
ROOM_BYTES = 400_000_000


@pytest.fixture(scope="module")
def images() -> Iterator[LocalServer]:
    with LocalServer({}).running() as server:
        yield server


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalServer]:
    replies = {"/": ssm_parameter(live_pointer_value()), invocations(): send_json(ANSWER)}
    with LocalServer(replies).running() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server).items():
            patch.setenv(name, value)
        forget()
        yield server
        forget()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE_IMAGES)
def test_a_hostile_image_is_refused_and_never_reaches_the_model(
    aws: LocalServer, images: LocalServer, name: str
) -> None:
    aws.requests.clear()
    images.replies["/image"] = send(HOSTILE_IMAGES[name][0]())

    answer = handler.handler({"url": images.url("/image")}, context(1))

    assert json.loads(answer["body"])["code"] in HOSTILE_IMAGES[name][1]
    assert [path for _, path, _, _ in aws.requests if path.startswith("/endpoints/")] == []


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not hold a process to RLIMIT_AS")
def test_all_of_them_fit_in_the_memory_of_a_worker(tmp_path: Path) -> None:
    for number, (make, _) in enumerate(HOSTILE_IMAGES.values()):
        (tmp_path / str(number)).write_bytes(make())
    program = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from functions.common.errors import DropserveError\n"
        "from functions.inference.images import prepare_image\n"
        "mapped = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        f"resource.setrlimit(resource.RLIMIT_AS, (mapped + {ROOM_BYTES},) * 2)\n"
        "for file in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        prepare_image(file.read_bytes(), max_pixels=40_000_000)\n"
        "    except DropserveError as error:\n"
        "        assert not isinstance(error.__cause__, MemoryError), file.name\n"
        "    else:\n"
        "        raise SystemExit(f'{file.name} was taken')\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=FOLDER.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
