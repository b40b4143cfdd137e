"""What came from outside is shown without moving the cursor, reordering the line, or hiding anything."""

import pytest

from drops.text import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("first\rsecond\nthird", r"first\x0dsecond\x0athird"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("in\u2066visible\u2069", r"in\u2066visible\u2069"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\x9b2J", r"\x9b2J"),
        ("half \udcff", r"half \udcff"),
        ("line\u2028end", r"line\u2028end"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
)
def test_unsafe_characters_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("text", ["Möwe", "北京烤鸭", "می\u200cخواهم", "👩\u200d🍳 chef", "a\\b [bold] <i>"])
def test_words_of_any_script_stay(text: str) -> None:
    assert printable(text) == text


def test_long_text_is_cut() -> None:
    assert printable("a" * 11, 10) == "a" * 9 + "…"


def test_lines_and_tabs_of_a_log_stay() -> None:
    assert printable_lines("a\tb\r\nc\x1b[2Kd\re") == "a\tb\nc\\x1b[2Kd\\x0de"
