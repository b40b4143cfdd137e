"""Where the project's own packages lie: beside this one in a checkout, inside it in an installed wheel.

They are imported as `functions`, `training`, `drops` ... in both, as a Lambda zip, the training code and
the images import them so. Names as general as these must not lie in site-packages: a wheel carries them one
folder down, and what needs them is told where: this process by `use_tree`, others by PYTHONPATH.
"""

import sys
from pathlib import Path

_PACKAGED = Path(__file__).resolve().with_name("_project")
IS_INSTALLED = _PACKAGED.is_dir()
TREE = _PACKAGED if IS_INSTALLED else _PACKAGED.parents[1]


def use_tree() -> None:
    """Have this process find the project's packages, before any other package of the same name."""
    if sys.path[:1] != [str(TREE)]:
        sys.path.insert(0, str(TREE))
