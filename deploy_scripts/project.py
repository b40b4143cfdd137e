"""Where things lie: the project's files, what is built, and what a local cloud keeps."""

import os
import sys
from pathlib import Path

from dropserve.source_tree import IS_INSTALLED, TREE

# The repository, or what a wheel carries of it: nothing is written there but a checkout's own .dropserve.
ROOT = TREE
TEMPLATE = ROOT / "deploy_scripts" / "template.yaml"
IMAGES_TEMPLATE = ROOT / "deploy_scripts" / "images_template.yaml"
STATE_MACHINE = ROOT / "state_machines" / "training_pipeline.asl.json"
SCORING_STATE_MACHINE = ROOT / "state_machines" / "photo_scoring.asl.json"
# By the names that the template has them by.
STATE_MACHINES = {file.name: file for file in (STATE_MACHINE, SCORING_STATE_MACHINE)}
STEPS = ROOT / "state_machines" / "training_pipeline.steps.json"
# Not resolved: the folder of a virtual environment's python is where its other programs are.
PROGRAMS = Path(sys.executable).parent


def work_folder() -> Path:
    """What DROPSERVE_HOME names; else `.dropserve` in the repository, or, of an installed package, in the
    current folder.
    """
    usual = (Path.cwd() if IS_INSTALLED else ROOT) / ".dropserve"
    return Path(os.environ.get("DROPSERVE_HOME", usual)).absolute()


def build_folder() -> Path:
    return work_folder() / "build"


def cloud_state_folder() -> Path:
    return work_folder() / "cloud"


def reports_folder() -> Path:
    return work_folder() / "reports"


def cache_folder() -> Path:
    """What is fetched once a user: https://specifications.freedesktop.org/basedir-spec/latest/"""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dropserve"
