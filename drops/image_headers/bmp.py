"""BMP: run lengths, which Pillow decodes pixel by pixel in Python."""

from drops.image_headers.refusal import PhotoBoundsError

# Pixels and bytes together: about 2 s.
MAX_RUN_LENGTH_WORK = 16_000_000

_RUN_LENGTHS = (1, 2)  # BI_RLE8, BI_RLE4
_COMPRESSION_AT, _HEADER_WITH_COMPRESSION_BYTES = 30, 40


def check(photo: bytes, max_pixels: int) -> None:
    """Bound the work of a run-length-coded bitmap. Raises PhotoBoundsError."""
    header_bytes = int.from_bytes(photo[14:18], "little")
    compression = int.from_bytes(photo[_COMPRESSION_AT : _COMPRESSION_AT + 4], "little")
    if header_bytes < _HEADER_WITH_COMPRESSION_BYTES or compression not in _RUN_LENGTHS:
        return
    width, height = (int.from_bytes(photo[at : at + 4], "little", signed=True) for at in (18, 22))
    pixels = abs(width * height)
    # Of a larger one, nothing is decoded.
    if pixels <= max_pixels and pixels + len(photo) > MAX_RUN_LENGTH_WORK:
        raise PhotoBoundsError(
            f"the BMP is run-length-coded, and has more than {MAX_RUN_LENGTH_WORK} pixels and bytes "
            "together; save it as PNG"
        )
