"""The root of every error that a function raises on purpose, and how a reason is written for a person."""

from contracts.limits import MAX_SENTENCE_CHARACTERS
from drops.text import printable


class DropserveError(Exception):
    """A fault that a person can fix: the message says what was wrong, where, and what to do."""


class DocumentError(DropserveError):
    """A document does not match its schema."""


class SettingsError(DropserveError):
    """An environment variable of the function is missing or malformed: the deployment is at fault."""


def bounded_reason(text: object) -> str:
    """The text on one line, safe to show, of at most MAX_SENTENCE_CHARACTERS characters."""
    return printable(" ".join(str(text).split()), MAX_SENTENCE_CHARACTERS)
