"""examples/ and the pages' blocks of commands, as they are, against the local cloud."""

import contextlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy_scripts.demo_data import PhotoSet
from deploy_scripts.project import PROGRAMS, ROOT
from tests.support.documentation import blocks

EXAMPLES = ROOT / "examples"
# Two trainings one after the other, on a busy core.
LIMIT_S = 600
JUDGED = {"live", "champion_kept"}


@pytest.fixture
def shell(dropserve: Any, tmp_path: Path) -> Any:
    """Runs a program in an empty folder with the variables of `dropserve env` and the programs of .venv."""
    environment = {
        **dropserve.with_aws_variables().environment,
        "PATH": os.pathsep.join([str(PROGRAMS), os.environ["PATH"]]),
        "POLL_S": "0.5",
    }

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )

    return run


@pytest.fixture
def few_photos(food_photos: PhotoSet, tmp_path: Path) -> Path:
    """A zip of one photo: its run is refused, which is sooner told than a training."""
    label, photo = food_photos.held_out[0]
    file = tmp_path / f"few-{uuid4().hex[:8]}.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(photo, f"{label}/1.jpeg")
    return file


@pytest.fixture
def photo_url(dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet) -> str:
    """An address of a photo that the function may fetch."""
    s3, bucket = dropserve.client("s3"), dropserve.outputs["BucketName"]
    key = f"uploads/{uuid4().hex}.jpeg"
    s3.put_object(Bucket=bucket, Key=key, Body=food_photos.held_out[0][1].read_bytes())
    url: str = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    return url


PROGRAMS_OF = {"sh": "sh", "py": sys.executable}


@pytest.mark.parametrize("kind", PROGRAMS_OF)
def test_drop_data(dropserve: Any, shell: Any, few_photos: Path, kind: str) -> None:
    dropped = shell(PROGRAMS_OF[kind], str(EXAMPLES / f"drop_data.{kind}"), str(few_photos))

    assert dropped.returncode == 1, dropped.stderr
    assert "is rejected" in dropped.stdout
    (run,) = [each for each in dropserve.json("runs") if each["dataset"] == few_photos.stem]
    assert (run["source"], run["status"]) == ("drop", "rejected")


@pytest.mark.parametrize("kind", PROGRAMS_OF)
def test_start_run(dropserve: Any, shell: Any, first_release: dict[str, Any], kind: str) -> None:
    overrides = '{"max_cost_usd": 0.000001}'
    started = shell(PROGRAMS_OF[kind], str(EXAMPLES / f"start_run.{kind}"), "drops/small.zip", overrides)

    assert started.returncode == 0, started.stderr
    assert "rejected" in started.stdout and "too expensive" in started.stdout
    assert dropserve.json("runs")[0]["source"] == "manual"


@pytest.mark.parametrize("kind", PROGRAMS_OF)
def test_ask(shell: Any, photo_url: str, food_photos: PhotoSet, kind: str) -> None:
    asked = shell(PROGRAMS_OF[kind], str(EXAMPLES / f"ask.{kind}"), photo_url)
    refused = shell(PROGRAMS_OF[kind], str(EXAMPLES / f"ask.{kind}"), "ftp://example.com/rose.jpg")

    assert asked.returncode == 0, asked.stderr
    assert any(label in asked.stdout for label, _ in food_photos.held_out)
    assert refused.returncode == 1


@pytest.mark.timeout(600)
def test_the_notebook(
    dropserve: Any,
    first_release: dict[str, Any],
    food_photos: PhotoSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its code cells in order in one namespace, as Jupyter runs them."""
    notebook = json.loads((EXAMPLES / "dropserve.ipynb").read_text("utf-8"))
    for name, value in dropserve.json("env").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DROP", str(food_photos.zip_file))
    monkeypatch.setenv("POLL_S", "0.5")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    namespace: dict[str, Any] = {}

    with contextlib.chdir(tmp_path):
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), cell["id"], "exec"), namespace)

    assert namespace["run"]["status"] in JUDGED
    assert (tmp_path / namespace["report"]).stat().st_size > 10_000
    assert len(namespace["answers"]) == 6
    assert all(0 < probability <= 1 for _, _, probability in namespace["answers"])


@pytest.mark.timeout(900)
def test_the_readmes_three_ways_in(
    dropserve: Any, shell: Any, photo_url: str, food_photos: PhotoSet, tmp_path: Path
) -> None:
    """Its blocks word by word, but for the address of the photo."""
    readme = blocks(ROOT / "README.md", "sh")
    drop, start, invoke = readme[:3]
    assert "aws s3 cp" in drop and "start-execution" in start and "lambda invoke" in invoke
    (tmp_path / "flowers.zip").write_bytes(food_photos.zip_file.read_bytes())

    # `dropserve watch` follows the newest run: here the run has to have begun.
    dropped = shell("bash", "-c", drop.replace("dropserve watch", f"{await_run(dropserve)}\ndropserve watch"))
    assert re.search("champion_kept|The run is live", dropped.stdout), dropped.stdout + dropped.stderr
    invoked = shell(
        "bash",
        "-ec",
        invoke.replace("https://example.com/rose.jpg", f"'{photo_url}'", 2).replace(
            f'"url": "\'{photo_url}\'"', f'"url": "{photo_url}"'
        ),
    )
    assert invoked.returncode == 0, invoked.stderr
    assert json.loads((tmp_path / "answer.json").read_text())["statusCode"] == 200
    shell("bash", "-c", start)
    runs = dropserve.json("runs")[:2]
    assert [(run["source"], run["backend"], run["dataset"]) for run in runs] == 2 * [
        ("manual", "ec2", "flowers")
    ]


def await_run(dropserve: Any) -> str:
    """A shell's command that ends when there is one run more than now."""
    count = len(dropserve.json("runs"))
    code = "import json, sys; sys.exit(len(json.load(sys.stdin)) <= int(sys.argv[1]))"
    return f"until dropserve runs --json | python -c '{code}' {count}; do sleep 0.3; done"


def test_the_pages_commands_for_an_audit(shell: Any, first_release: dict[str, Any], tmp_path: Path) -> None:
    """All but `verify-permissions`, which has a test of its own."""
    (block,) = blocks(ROOT / "docs" / "audit.md", "sh")

    audited = shell("bash", "-ec", block.replace("dropserve verify-permissions", "true"))

    assert audited.returncode == 0, audited.stderr
    assert audited.stdout.count("Audit: 0 critical") == 2
    assert "<html" in (tmp_path / "audit.html").read_text("utf-8").lower()


def test_the_pages_change_of_a_parameter(dropserve: Any, shell: Any, first_release: dict[str, Any]) -> None:
    lines = [line for block in blocks(ROOT / "docs" / "operations.md", "sh") for line in block.splitlines()]
    line = next(line for line in lines if line.startswith("dropserve deploy --parameter"))

    deployed = shell("bash", "-c", line)

    assert deployed.returncode == 0, deployed.stderr
    again = dropserve.run("deploy")
    assert again.returncode == 0, again.stderr
