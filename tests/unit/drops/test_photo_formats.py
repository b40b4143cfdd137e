"""Formats are told by content; what is known but not read is named."""

import io

import pytest
from PIL import Image

from drops.photo_formats import MEDIA_TYPES, photo_format, unread_format


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_what_pillow_writes_is_recognised(name: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(stream, name)
    assert photo_format(stream.getvalue()) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0", "camera raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "camera raw"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw"),
        (b"IIRO\x08\0\0\0", "camera raw"),
        (b"IIU\0\x18\0\0\0", "camera raw"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b'<?xml version="1.0"?><svg xmlns=', "SVG"),
    ],
)
def test_a_known_format_that_is_not_read_is_named(head: bytes, name: str) -> None:
    assert photo_format(head) is None
    assert unread_format(head) == name


@pytest.mark.parametrize(
    "head", [b"", b"BM", b"BMX-LETTER", b"%PDF-1.7", b"\0\0\0\x18ftypisom\0\0\0\0", b"PK\x03\x04"]
)
def test_other_content_is_no_photo(head: bytes) -> None:
    assert photo_format(head) is None
    assert unread_format(head) is None
