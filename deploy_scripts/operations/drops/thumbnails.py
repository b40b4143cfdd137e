"""Small pictures of photos for pages, whatever a stranger's file holds."""

import io

from PIL import Image, ImageOps

from drops.image_headers import PhotoBoundsError, check_photo
from drops.photo_formats import photo_format

SIDE_PX = 220
# As training has it: more than a camera makes.
_MAX_PIXELS = 89_478_485
_QUALITY = 80


def make_thumbnail(photo: bytes, side_px: int = SIDE_PX) -> bytes:
    """A JPEG of at most `side_px` a side, upright; empty for what cannot be decoded, or costs too much."""
    format_name = photo_format(photo)
    if not format_name:
        return b""
    try:
        check_photo(photo, format_name, _MAX_PIXELS)
        # Of the checked format alone: Pillow's other decoders stay out of reach of strangers' files.
        with Image.open(io.BytesIO(photo), formats=[format_name]) as image:
            if image.width * image.height > _MAX_PIXELS:
                return b""
            image.draft("RGB", (side_px, side_px))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((side_px, side_px))
            stream = io.BytesIO()
            upright.convert("RGB").save(stream, "JPEG", quality=_QUALITY)
    except PhotoBoundsError:
        return b""
    # Pillow's decoders raise a dozen kinds of error on damaged files; nothing else runs here.
    except Exception:  # noqa: BLE001
        return b""
    return stream.getvalue()
