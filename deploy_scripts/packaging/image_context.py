"""The build context of both container images: the Dockerfile, the pins of each image, the serving program."""

import hashlib
import shutil
from pathlib import Path

from deploy_scripts.packaging.archives import files_below
from deploy_scripts.packaging.imported_files import imported_files
from deploy_scripts.packaging.locked_packages import locked_closure, locked_requirements
from deploy_scripts.packaging.shared_code import shared_files
from deploy_scripts.project import ROOT

TRAINING = ROOT / "training"
# What the two programs import by name; what these need in turn stands in the lock.
SERVE_PACKAGES = (
    *("openvino", "numpy", "pillow"),
    *("starlette", "uvicorn", "httptools", "uvloop", "prometheus-client"),
)
TRAIN_PACKAGES = (
    *("torch", "torchvision", "openvino", "nncf", "numpy", "pillow", "matplotlib"),
    *("boto3", "sagemaker-training"),
)
# Of uvicorn's extra, which another package of the lock asks for.
SERVE_LEFT_OUT = ("python-dotenv", "pyyaml", "watchfiles", "websockets")
# They have no wheel: a stage with a compiler installs them, and what builds them.
COMPILED_PACKAGES = {"inotify-simple", "sagemaker-training", "setuptools"}
# torch.compile's compiler of GPU kernels, 900 MB: nothing is compiled here.
TRAIN_LEFT_OUT = ("triton",)
_HASH_DIGITS = 16


def write_image_context(folder: Path) -> str:
    """Fill the folder with all that a build needs; the hash of its content, which is the images' tag.

    The same sources give the same hash on every machine. Raises CliError when the lock lacks a package.
    """
    shutil.rmtree(folder, ignore_errors=True)
    program = folder / "program"
    code = imported_files("training.serve", ROOT)
    # Whole: drops imports the modules of photo formats by name.
    code |= shared_files()
    for name, source in code.items():
        (program / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, program / name)
    for name in ("Dockerfile", "install_packages.sh"):
        shutil.copyfile(TRAINING / name, folder / name)
    for name, packages in {
        "serve": locked_closure(SERVE_PACKAGES, without=SERVE_LEFT_OUT),
        "train": locked_closure(TRAIN_PACKAGES, without=TRAIN_LEFT_OUT) - COMPILED_PACKAGES,
        "compiled": COMPILED_PACKAGES,
        "uv": {"uv"},
    }.items():
        (folder / f"{name}_requirements.txt").write_text(locked_requirements(packages), "utf-8")
    return _content_hash(folder)


def _content_hash(folder: Path) -> str:
    content = hashlib.sha256()
    for name, file in sorted(files_below(folder).items()):
        content.update(f"{name}\0{file.stat().st_size}\0".encode())
        content.update(file.read_bytes())
    return content.hexdigest()[:_HASH_DIGITS]
