"""Bounds on the work of decoding a photo, checked before any decoder runs.

The bytes of a file and its number of pixels do not bound the time that a decoder takes: a JPEG may hold
thousands of scans, an AVIF thousands of frames, and Pillow reads headers byte by byte. Each bound below is
one that no camera and no encoder reaches; a damaged file passes, its decoder says what is wrong with it.
What passes, of at most 20 MB and 40 megapixels, took at most 1.8 s of one core (a run-length BMP).
"""

from importlib import import_module
from typing import Protocol, cast

from drops.image_headers.refusal import PhotoBoundsError, PhotoPixelsError

__all__ = ["BOUNDED_FORMATS", "PhotoBoundsError", "PhotoPixelsError", "check_photo"]

# WebP has none: libwebp's time is bounded by bytes and pixels, and of an animation one frame is decoded.
BOUNDED_FORMATS = frozenset({"JPEG", "PNG", "GIF", "BMP", "TIFF", "AVIF"})


class _Checks(Protocol):
    def check(self, photo: bytes, max_pixels: int) -> None: ...


def check_photo(photo: bytes, format_name: str, max_pixels: int) -> None:
    """Look at the structure of a photo of this format, a key of photo_formats.MEDIA_TYPES.

    `max_pixels`: what the caller decodes at most; it also bounds the pixels that a header does not tell of.
    Takes time linear in the bytes, some milliseconds for a megabyte at most. Raises PhotoBoundsError, and its
    child PhotoPixelsError where more than `max_pixels` would be decoded.
    """
    if format_name in BOUNDED_FORMATS:
        # Imported when needed: a function's cold start pays for one format, not for six.
        module = import_module(f"drops.image_headers.{format_name.lower()}")
        cast(_Checks, module).check(photo, max_pixels)
