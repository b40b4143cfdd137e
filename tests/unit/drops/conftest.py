"""Both readers of a drop: the inspection over an S3 in memory, and training's modules by plain name."""

import sys
from pathlib import Path

UNIT = Path(__file__).parents[1]
sys.path += [str(UNIT.parents[1] / "training"), str(UNIT / "inspect_dataset")]

from drops_in_memory import make_run, s3  # noqa: E402

__all__ = ["make_run", "s3"]
