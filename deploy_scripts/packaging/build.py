"""Builds all that a deployment uploads, below .dropserve/build."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.packaging.archives import files_below, make_tar_gz
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.functions import build_function, function_names
from deploy_scripts.packaging.image_context import TRAIN_LEFT_OUT, TRAIN_PACKAGES
from deploy_scripts.packaging.locked_packages import locked_closure, locked_requirements
from deploy_scripts.packaging.shared_code import shared_files
from deploy_scripts.project import ROOT, build_folder
from functions.plan_training.container_images import PROGRAM

TRAINING = ROOT / "training"
# What only an image of SageMaker's needs.
TOOLKIT = "sagemaker-training"
TORCH = ("torch", "torchvision")
SUPPRESSIONS = "functions/iam_audit/suppressions.json"


@dataclass(frozen=True)
class Build:
    """What was built. `functions`: folder name -> zip."""

    functions: dict[str, Path]
    training_code: Path
    ec2_boot: Path


def build(runtime: Runtime, *, say: Callable[[str], None], suppressions: Path | None = None) -> Build:
    """Build every part; `suppressions` is the file that the audit takes instead of the packaged one.

    Raises CliError when a part cannot be built.
    """
    folder = build_folder()
    own_files = {"iam_audit": {SUPPRESSIONS: suppressions}} if suppressions else {}
    functions = {}
    for name in function_names():
        functions[name] = build_function(name, runtime, into=folder, own_files=own_files.get(name))
        say(f"Built {name}.zip ({functions[name].stat().st_size / 1e6:.1f} MB, {runtime.name})")
    return Build(functions, _training_code(folder), _ec2_boot(folder))


def training_files() -> dict[str, Path]:
    """The training code by its name in the archive: the package `training`, and what every part ships."""
    code = files_below(TRAINING, prefix="training/", pattern="*.py")
    return code | shared_files()


def write_pins(folder: Path) -> dict[str, Path]:
    """Pins and hashes of the train image's packages, for a machine or an image that lacks them.

    In two files: what torch brings along, and the rest. They are not called requirements.txt: that,
    sagemaker-training would install by itself, in an image that has it all.
    """
    packages = set(TRAIN_PACKAGES) - {TOOLKIT, *TORCH}
    rest = locked_closure(packages, without=TRAIN_LEFT_OUT)
    torch = locked_closure(TORCH, without=TRAIN_LEFT_OUT) - rest
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, pinned in {"torch_pins.txt": torch, "training_pins.txt": rest}.items():
        files[name] = folder / name
        files[name].write_text(locked_requirements(pinned))
    return files


def _training_code(folder: Path) -> Path:
    files = training_files() | write_pins(folder)
    if PROGRAM not in files:
        raise CliError(f"There is no {TRAINING / 'train.py'}.", "Check out the whole repository.")
    return make_tar_gz(files, folder / "sourcedir.tar.gz")


def _ec2_boot(folder: Path) -> Path:
    return Path(shutil.copyfile(TRAINING / "ec2" / "boot.sh", folder / "ec2_boot.sh"))
