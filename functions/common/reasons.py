"""Reasons: the one sentence that says why a run ended, small enough for everything that carries it."""

from drops.text import printable

# A state's data is at most 262,144 bytes, and a run carries a reason more than once:
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_REASON_CHARACTERS = 1000


def bounded_reason(text: object) -> str:
    """The text on one line, safe to show, of at most MAX_REASON_CHARACTERS characters."""
    return printable(" ".join(str(text).split()), MAX_REASON_CHARACTERS)
