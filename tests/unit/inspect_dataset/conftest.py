"""The fixtures of these tests; what they are made of is in drops_in_memory.py."""

from drops_in_memory import make_run, s3

__all__ = ["make_run", "s3"]
