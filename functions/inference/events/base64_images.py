"""Images that are written as base64: RFC 4648 with either alphabet, and data: URLs (RFC 2397)."""

import base64
import binascii
import re
from typing import Any

from functions.inference.errors import BadRequestError

_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_TO_STANDARD = str.maketrans("-_", "+/")
_WHITE_SPACE = re.compile(r"\s+")


def decode_image(value: Any) -> bytes:
    """The bytes of a text. White space and missing padding do no harm. Raises BadRequestError."""
    if not isinstance(value, str) or not value.strip():
        raise BadRequestError("image is missing or is not a text: write the image's bytes as base64")
    text = value.strip()
    if text[:5].lower() == "data:":
        prefix = _DATA_URL.match(text)
        if not prefix:
            raise BadRequestError("image is a data: URL, but not of base64: data:image/jpeg;base64,...")
        text = text[prefix.end() :]
    text = _WHITE_SPACE.sub("", text).translate(_TO_STANDARD).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequestError("image is not base64: write the image's bytes as base64") from error
