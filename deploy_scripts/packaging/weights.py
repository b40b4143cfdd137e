"""The pretrained weights that a deployment uploads: one file a backbone."""

from importlib.util import find_spec
from pathlib import Path

from contracts.training_job import SHIPPED_WEIGHTS
from deploy_scripts.errors import CliError
from deploy_scripts.packaging.archives import sha256_of

SHIPPED_BACKBONE = SHIPPED_WEIGHTS.backbone
_SHIPPED_PACKAGE = SHIPPED_WEIGHTS.package.replace("-", "_")


def shipped_weights() -> Path:
    """The ImageNet weights inside the installed package; the package itself is never imported.

    Raises CliError when it is missing or holds another file.
    """
    spec = find_spec(_SHIPPED_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = [file for folder in folders for file in sorted(Path(folder).rglob("*.pth"))]
    if len(files) != 1:
        raise CliError(
            f"The package {_SHIPPED_PACKAGE} with the pretrained weights is not installed.",
            "Set the environment up again: `make setup`.",
        )
    if sha256_of(files[0]) != SHIPPED_WEIGHTS.sha256:
        raise CliError(f"{files[0]} is not the weights file that is expected.", "Run `make clean setup`.")
    return files[0]


def parse_weights(options: list[str]) -> dict[str, Path]:
    """`["resnet18=/path.pth"]` as backbone -> file. Raises CliError naming the option that is wrong."""
    weights: dict[str, Path] = {}
    for option in options:
        backbone, separator, path = option.partition("=")
        if not separator or not backbone:
            raise CliError(f"--weights {option} is not understood.", "Write --weights resnet18=/path/to.pth.")
        weights[backbone] = existing_weights(Path(path).expanduser(), f"--weights {option}")
    return weights


def existing_weights(file: Path, named_by: str) -> Path:
    """The file itself. Raises CliError where there is none, which begins with what has named it."""
    if not file.is_file():
        raise CliError(f"{named_by}: there is no file {file}.", "Check the path.")
    return file
