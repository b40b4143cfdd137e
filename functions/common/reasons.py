"""Reasons: the one sentence that says why a run ended, small enough for everything that carries it."""

from contracts.limits import MAX_SENTENCE_CHARACTERS
from drops.text import printable


def bounded_reason(text: object) -> str:
    """The text on one line, safe to show, of at most MAX_SENTENCE_CHARACTERS characters."""
    return printable(" ".join(str(text).split()), MAX_SENTENCE_CHARACTERS)
