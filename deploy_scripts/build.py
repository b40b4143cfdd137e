"""Builds all that a deployment uploads, below .dropserve/build."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.packaging.archives import files_below, make_tar_gz
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.functions import build_function, function_names
from deploy_scripts.packaging.locked_packages import locked_requirements
from deploy_scripts.project import ROOT, build_folder

TRAINING = ROOT / "training"
# What train.py imports beyond torch, torchvision and numpy, which a Deep Learning AMI's Python has; with all
# that these need in turn.
EC2_PACKAGES = (
    *("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
    *("matplotlib", "contourpy", "cycler", "fonttools", "kiwisolver", "packaging", "pillow", "pyparsing"),
)
# Not requirements.txt: that, SageMaker's toolkit would install by itself, in a container that has it all.
EC2_REQUIREMENTS = "ec2_requirements.txt"


@dataclass(frozen=True)
class Build:
    """What was built. `functions`: folder name -> zip."""

    functions: dict[str, Path]
    training_code: Path
    ec2_boot: Path


def build(runtime: Runtime, *, say: Callable[[str], None]) -> Build:
    """Raises CliError when a part cannot be built."""
    folder = build_folder()
    functions = {}
    for name in function_names():
        functions[name] = build_function(name, runtime, into=folder)
        say(f"Built {name}.zip ({functions[name].stat().st_size / 1e6:.1f} MB, {runtime.name})")
    return Build(functions, _training_code(folder), _ec2_boot(folder))


def training_files() -> dict[str, Path]:
    """The training code by its name in the archive: flat, as script mode wants it, and `drops/`."""
    files = {path.name: path for path in TRAINING.glob("*.py") if path.name != "__init__.py"}
    return files | files_below(ROOT / "drops", prefix="drops/", pattern="*.py")


def write_ec2_requirements(folder: Path) -> Path:
    """Pins and hashes of EC2_PACKAGES, as requirements.lock has them."""
    file = folder / EC2_REQUIREMENTS
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(locked_requirements(EC2_PACKAGES))
    return file


def _training_code(folder: Path) -> Path:
    files = training_files() | {EC2_REQUIREMENTS: write_ec2_requirements(folder)}
    if "train.py" not in files:
        raise CliError(f"There is no {TRAINING / 'train.py'}.", "Check out the whole repository.")
    return make_tar_gz(files, folder / "sourcedir.tar.gz")


def _ec2_boot(folder: Path) -> Path:
    return Path(shutil.copyfile(TRAINING / "ec2_boot.sh", folder / "ec2_boot.sh"))
