"""Small pictures of photos, for pages."""

import io

from training.data.preprocessing import open_photo

_SIDE = 220


def make_thumbnail(photo: bytes, side: int = _SIDE) -> bytes:
    """A JPEG of at most `side` pixels a side. Raises PhotoError when the photo cannot be decoded."""
    image = open_photo(photo, side)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
