"""The build context of the container images: what goes in, and that the same sources give the same tag."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy_scripts.packaging import image_context
from deploy_scripts.packaging.image_context import write_image_context
from deploy_scripts.packaging.imported_files import imported_files
from deploy_scripts.packaging.locked_packages import locked_closure
from deploy_scripts.project import ROOT

IMPORT_AND_LIST_FILES = """
import importlib, sys

sys.path.insert(0, sys.argv[1])
importlib.import_module("training.serve")
print(*filter(None, (getattr(module, "__file__", None) for module in sys.modules.values())), sep="\\n")
"""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image") / "context"
    write_image_context(folder)
    return folder


def names_in(requirements: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", requirements.read_text("utf-8"), re.MULTILINE))


def test_the_same_sources_give_the_same_tag(context: Path, tmp_path: Path) -> None:
    tag = write_image_context(tmp_path / "again")
    assert re.fullmatch(r"[0-9a-f]{16}", tag)
    assert write_image_context(context) == tag


def test_what_is_left_from_before_does_not_count(context: Path) -> None:
    tag = write_image_context(context)
    (context / "program" / "left_over.py").write_text("")
    assert write_image_context(context) == tag
    assert not (context / "program" / "left_over.py").exists()


def test_another_pin_gives_another_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = write_image_context(tmp_path / "context")
    monkeypatch.setattr(image_context, "SERVE_PACKAGES", (*image_context.SERVE_PACKAGES, "psutil"))
    assert write_image_context(tmp_path / "context") != tag


def test_the_program_imports_nothing_else_of_the_project(context: Path, tmp_path: Path) -> None:
    output = subprocess.check_output(
        [sys.executable, "-c", IMPORT_AND_LIST_FILES, str(context / "program")], cwd=tmp_path, text=True
    )
    imported = [file for file in map(Path, output.splitlines()) if "site-packages" not in file.parts]
    assert context / "program" / "training" / "serve.py" in imported
    assert [file for file in imported if file.is_relative_to(ROOT)] == []


def test_the_serving_program_brings_no_training_code_and_no_torch(context: Path) -> None:
    files = {file.relative_to(context / "program").as_posix() for file in context.rglob("program/**/*.py")}
    assert "training/serve.py" in files
    assert not files & {"training/train.py", "training/models/backbones.py", "training/models/head.py"}
    assert not names_in(context / "serve_requirements.txt") & {"torch", "nncf", "torchvision", "boto3"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other builds of torch")
@pytest.mark.parametrize("part", ["serve", "train"])
def test_a_part_has_all_that_its_packages_need(context: Path, part: str) -> None:
    """By their own metadata, where the lock's comments are what was followed."""
    has = names_in(context / f"{part}_requirements.txt")
    if part == "train":
        has |= names_in(context / "compiled_requirements.txt")
    left_out = {"serve": image_context.SERVE_LEFT_OUT, "train": image_context.TRAIN_LEFT_OUT}[part]
    # It is out of the lock on purpose.
    allowed = {*left_out, "openvino-telemetry"}
    for name in has:
        assert set(needed_by(name)) <= has | allowed, name


def needed_by(name: str) -> list[str]:
    environment = {**default_environment(), "extra": ""}
    requirements = map(Requirement, importlib.metadata.requires(name) or [])
    return [
        canonicalize_name(each.name)
        for each in requirements
        if each.marker is None or each.marker.evaluate(environment)
    ]


def test_imports_are_followed_into_functions_and_packages(tmp_path: Path) -> None:
    for name, text in {
        "program.py": "import json\ndef late():\n    from parts.wheel import turn\n",
        "parts/__init__.py": "",
        "parts/wheel.py": "import axle, parts.hub as hub\n",
        "parts/hub.py": "",
        "parts/unused.py": "",
        "axle.py": "import program\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = imported_files("program", tmp_path)
    assert list(found) == ["axle.py", "parts/__init__.py", "parts/hub.py", "parts/wheel.py", "program.py"]


def test_a_relative_import_is_refused(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("from . import other\n")
    with pytest.raises(ValueError, match=r"program\.py:1"):
        imported_files("program", tmp_path)


def test_the_closure_follows_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(
        "app==1 \\\n    --hash=sha256:00\n    # via -r some.in\n"
        "base==1 ; sys_platform == 'linux' \\\n    --hash=sha256:00\n    # via\n    #   app\n    #   other\n"
        "deep==1 \\\n    --hash=sha256:00\n    # via base\n"
        "other==1 \\\n    --hash=sha256:00\n    # via -r some.in\n"
    )
    assert locked_closure(["app"], lock_file=lock) == {"app", "base", "deep"}
    assert locked_closure(["app"], without=["base"], lock_file=lock) == {"app"}
