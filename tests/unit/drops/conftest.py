"""Both readers of a drop: the inspection over an S3 in memory, and training's."""

from tests.unit.inspect_dataset.drops_in_memory import make_run, s3

__all__ = ["make_run", "s3"]
