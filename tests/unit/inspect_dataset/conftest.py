"""The fixtures of these tests; what they are made of is in drops_in_memory.py."""

from tests.unit.inspect_dataset.drops_in_memory import make_run, s3

__all__ = ["make_run", "s3"]
