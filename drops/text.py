"""Text from outside, made safe to show: names, keys, log lines and error messages are strangers' words."""

import unicodedata

# Control characters (ESC, CR, LF), format characters (bidirectional overrides, invisible ones), lone
# surrogates, private use, unassigned, and the two separators that end a line.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# The joiners that Persian, Hindi and emoji are written with: they reorder and hide nothing.
_JOINERS = frozenset({"\u200c", "\u200d"})


def is_unsafe(character: str) -> bool:
    """Whether a character could move a cursor, reorder a line, hide something, or begin a new line."""
    return unicodedata.category(character) in _UNSAFE_CATEGORIES and character not in _JOINERS


def printable(text: object, max_characters: int | None = None) -> str:
    r"""The text on one line, every unsafe character as its escape (ESC becomes `\x1b`).

    Longer texts than `max_characters` are cut and end in an ellipsis.
    """
    safe = "".join(_escaped(character) if is_unsafe(character) else character for character in str(text))
    if max_characters is not None and len(safe) > max_characters:
        return safe[: max_characters - 1] + "…"
    return safe


def printable_lines(text: object) -> str:
    """As `printable`, but line ends and tabs stay: for what has lines of its own, such as a log."""
    lines = str(text).replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(printable(cell) for cell in line.split("\t")) for line in lines)


def _escaped(character: str) -> str:
    # A lone surrogate cannot be printed at all; backslashreplace gives \x1b, \u202e, \U000e0001, \udcff.
    return (
        character.encode("ascii", "backslashreplace").decode("ascii")
        if ord(character) > 0x7F
        else (f"\\x{ord(character):02x}")
    )
