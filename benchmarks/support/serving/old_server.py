"""The model server as it was at one revision, in a work tree of its own, with a model that it can serve."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.support.demo_model import train_demo_model
from benchmarks.support.processes import BENCHMARKS, ProgramError

PROJECT = BENCHMARKS.parent
# The last one before the engine: worker processes, torch, an HTTP connection of its own.
REVISION = "b2048151e18a6dffb24f1d2b77202409c4ec03cb"


@contextlib.contextmanager
def checked_out(folder: Path) -> Iterator[Path]:
    """The project at that revision, below `folder`, until the block ends. Raises ProgramError."""
    tree = folder / "old"
    _git("worktree", "add", "--detach", "--force", str(tree), REVISION)
    try:
        yield tree
    finally:
        _git("worktree", "remove", "--force", str(tree))


def train_old_model(folder: Path, tree: Path) -> Path:
    """The artefact's folder, by the training of that revision. Raises ProgramError."""
    model = train_demo_model(folder, project=tree)
    # Its artefact carries less than its code imports.
    shutil.copytree(tree / "drops", model / "code" / "drops", dirs_exist_ok=True)
    return model


def _git(*arguments: str) -> None:
    run = subprocess.run(["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise ProgramError(f"git {arguments[0]} failed; the whole history is needed:\n{run.stderr}")
