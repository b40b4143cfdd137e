"""An image's format, told by content; drops/photo_formats.py has the formats."""

from drops.photo_formats import SIGNATURE_BYTES, photo_format, why_unread
from functions.inference.errors import NotAnImageError


def image_format(head: bytes | bytearray) -> str:
    """The format of content with these first SIGNATURE_BYTES bytes: a key of photo_formats.MEDIA_TYPES.

    Raises NotAnImageError, which says what the content is where that is known, and what to do.
    """
    found = photo_format(head)
    if not found:
        raise NotAnImageError(why_unread(head[:SIGNATURE_BYTES]))
    return found
