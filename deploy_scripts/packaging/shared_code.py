"""The project's packages that are shipped with every function, with the training code and in the images."""

from pathlib import Path

from deploy_scripts.packaging.archives import files_below
from deploy_scripts.project import ROOT

PACKAGES = ("contracts", "drops")


def shared_files() -> dict[str, Path]:
    """Their modules, by the name in the archive."""
    return {
        name: file
        for package in PACKAGES
        for name, file in files_below(ROOT / package, prefix=f"{package}/", pattern="*.py").items()
    }
