"""PNG: the number of chunks, each of which Pillow reads with some Python code."""

from drops.image_headers.refusal import PhotoBoundsError

# libpng writes 8 KiB of pixels into a chunk: 64 MiB in a tenth of this number.
MAX_CHUNKS = 65_536
# libpng's own limit of the chunks that it keeps (PNG_USER_CHUNK_CACHE_MAX); a compressed one may take 1 ms.
MAX_METADATA_CHUNKS = 1000

_SIGNATURE_BYTES = 8
_BESIDE_DATA_BYTES = 12
_PIXELS = frozenset({b"IDAT", b"fdAT", b"fcTL"})


def check(photo: bytes, max_pixels: int) -> None:
    """Count the chunks until IEND. Raises PhotoBoundsError."""
    at, metadata, chunks = _SIGNATURE_BYTES, 0, 0
    while at + _BESIDE_DATA_BYTES <= len(photo):
        kind = photo[at + 4 : at + 8]
        if kind == b"IEND":
            return
        chunks += 1
        metadata += kind not in _PIXELS
        if chunks > MAX_CHUNKS or metadata > MAX_METADATA_CHUNKS:
            raise PhotoBoundsError(
                f"the PNG has more than {MAX_CHUNKS} chunks, or {MAX_METADATA_CHUNKS} of metadata; "
                "save it anew"
            )
        at += int.from_bytes(photo[at : at + 4]) + _BESIDE_DATA_BYTES
