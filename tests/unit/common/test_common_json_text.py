"""JSON from outside: read in every encoding of it, or refused as a ValueError."""

import json

import pytest

from functions.common.json_text import parse_json


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_every_encoding_of_json_is_read(encoding: str) -> None:
    text = json.dumps({"Möwe": [1, None]}, ensure_ascii=False)

    assert parse_json(text.encode(encoding)) == {"Möwe": [1, None]}
    assert parse_json("\ufeff" + text) == {"Möwe": [1, None]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 100_000 + "]" * 100_000,
        b"",
        b"\xff\xfe\x00",
        b"\x80",
        b"\0",
    ],
    ids=lambda text: repr(text)[:12],
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
