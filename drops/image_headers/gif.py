"""GIF: what stands before the first picture, which Pillow reads block by block."""

from drops.image_headers.refusal import PhotoBoundsError

# A block has 255 bytes at most: 16 MiB of comments.
MAX_BLOCKS = 65_536

_HEADER_BYTES = 13
_EXTENSION, _COMMENT, _PICTURE, _END = 0x21, 0xFE, 0x2C, 0x3B


def check(photo: bytes, max_pixels: int) -> None:
    """Count the blocks up to the first picture. Raises PhotoBoundsError."""
    if len(photo) < _HEADER_BYTES:
        return
    flags = photo[10]
    at = _HEADER_BYTES + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    left = MAX_BLOCKS
    while left > 0 and at < len(photo) and photo[at] not in (_PICTURE, _END):
        left -= 1
        at += 1
        if photo[at - 1] != _EXTENSION:
            continue
        at += 1  # its label
        if at < len(photo) and not photo[at] and photo[at - 1] != _COMMENT:
            at += 1  # Pillow reads on behind an extension without content
        while left > 0 and at < len(photo) and photo[at]:
            left -= 1
            at += 1 + photo[at]
        at += 1
    if left <= 0:
        raise PhotoBoundsError(
            f"the GIF has more than {MAX_BLOCKS} blocks before its first picture; save it anew"
        )
