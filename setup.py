"""The one step of a build that pyproject.toml cannot say: the wheel's package carries the project's tree."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# Below dropserve/_project as they lie here: dropserve/source_tree.py says why.
FOLDERS = (
    *("contracts", "deploy_scripts", "drops", "functions", "local_cloud"),
    *("schemas", "state_machines", "training"),
)
FILES = ("requirements.lock",)


def tree_files() -> list[Path]:
    """Every file of the tree, by its path from here: code and data alike, no hidden files, no caches."""
    found = [path.relative_to(HERE) for folder in FOLDERS for path in sorted((HERE / folder).rglob("*"))]
    kept = [path for path in found if not any(part[0] == "." or part == "__pycache__" for part in path.parts)]
    return [Path(name) for name in FILES] + [path for path in kept if (HERE / path).is_file()]


class BuildWithTree(build_py):
    """An editable install needs no copy: there the tree lies beside the package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        tree = Path(self.build_lib, "dropserve", "_project")
        shutil.rmtree(tree, ignore_errors=True)  # what an earlier build left may be gone from here
        for path in tree_files():
            target = tree / path
            self.mkpath(str(target.parent))
            self.copy_file(str(HERE / path), str(target))


setup(cmdclass={"build_py": BuildWithTree})
