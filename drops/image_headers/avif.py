"""AVIF: the frames in its items, and their true size, which the container need not tell.

libavif decodes every frame that an item holds, at the size in the AV1 data, whatever the container says.
Boxes: ISO/IEC 14496-12 and 23008-12; items: https://aomediacodec.github.io/av1-avif/
"""

from collections.abc import Iterator

from drops.image_headers.av1 import coded_pixels
from drops.image_headers.refusal import PhotoBoundsError

MAX_ITEMS = 4096
# Colour, transparency, a gain map, a thumbnail.
MAX_WORK = 4

_UNREADABLE = "the AVIF's structure cannot be read; save it anew"


def check(photo: bytes, max_pixels: int) -> None:
    """Add up the pixels of all frames of all items. Raises PhotoBoundsError."""
    boxes = list(_boxes(photo, 0, len(photo)))
    if photo[8:12] == b"avis":
        raise PhotoBoundsError("the AVIF is an animation, which is not read; save one frame of it")
    metas = [place for kind, *place in boxes if kind == b"meta"]
    if len(metas) != 1:
        raise PhotoBoundsError(_UNREADABLE)
    try:
        work = sum(coded_pixels(item, max_pixels) for item in _av1_items(photo, *metas[0]))
    except (IndexError, ValueError) as error:
        if isinstance(error, PhotoBoundsError):
            raise
        raise PhotoBoundsError(_UNREADABLE) from error
    if work > MAX_WORK * max_pixels:
        raise PhotoBoundsError(
            f"the AVIF holds frames of {work} pixels together, more than a picture of {max_pixels} pixels "
            "needs; save it anew"
        )


def _boxes(photo: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box. Raises PhotoBoundsError."""
    left = MAX_ITEMS * 2
    while at + 8 <= end:
        size_bytes, kind, begin = int.from_bytes(photo[at : at + 4]), photo[at + 4 : at + 8], at + 8
        if size_bytes == 1:
            size_bytes, begin = int.from_bytes(photo[at + 8 : at + 16]), at + 16
        box_end = end if size_bytes == 0 else at + size_bytes
        left -= 1
        if not begin <= box_end <= end or not left:
            raise PhotoBoundsError(_UNREADABLE)
        yield kind, begin, box_end
        at = box_end


def _av1_items(photo: bytes, begin: int, end: int) -> Iterator[bytes]:
    """The content of each item of AV1 data. Raises PhotoBoundsError, IndexError, ValueError."""
    # A list, and not a dictionary: of two boxes of one kind, nobody knows which one libavif takes.
    boxes = list(_boxes(photo, begin + 4, end))
    found = {kind: place for kind, *place in boxes}
    for kind in (b"iloc", b"iinf", b"idat"):
        if sum(each[0] == kind for each in boxes) > 1:
            raise PhotoBoundsError(_UNREADABLE)
    av1_ids = set(_av1_ids(photo, *found[b"iinf"])) if b"iinf" in found else set()
    idat_begin = found.get(b"idat", [0, 0])[0]
    if b"iloc" not in found:
        return
    bytes_left = len(photo)
    for item_id, extents in _locations(_Numbers(photo, *found[b"iloc"]), idat_begin, len(photo)):
        if item_id not in av1_ids:
            continue
        content = b"".join(photo[at : at + size] for at, size in extents)
        bytes_left -= len(content)
        if bytes_left < 0:
            raise PhotoBoundsError("the AVIF's items share their bytes; save it anew")
        yield content


def _av1_ids(photo: bytes, begin: int, end: int) -> Iterator[int]:
    """The items that an `infe` box calls av01."""
    version = photo[begin]
    for kind, at, _ in _boxes(photo, begin + (6 if version == 0 else 8), end):
        if kind != b"infe":
            continue
        id_bytes = 4 if photo[at] == 3 else 2
        if photo[at + 6 + id_bytes : at + 10 + id_bytes] == b"av01":
            yield int.from_bytes(photo[at + 4 : at + 4 + id_bytes])


class _Numbers:
    """Big-endian numbers, one after the other."""

    def __init__(self, photo: bytes, begin: int, end: int) -> None:
        self._photo, self._at, self._end = photo, begin, end

    def take(self, size_bytes: int) -> int:
        """The next number of so many bytes; 0 for none. Raises ValueError at the end."""
        self._at += size_bytes
        if self._at > self._end:
            raise ValueError("the box ends early")
        return int.from_bytes(self._photo[self._at - size_bytes : self._at])


def _locations(
    numbers: _Numbers, idat_begin: int, file_bytes: int
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Each item's id, and the place and size of its pieces in the file."""
    version = numbers.take(4) >> 24
    sizes = numbers.take(2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version in (1, 2) else 0
    count = numbers.take(4 if version == 2 else 2)
    if version > 2 or count > MAX_ITEMS:
        raise PhotoBoundsError(_UNREADABLE)
    pieces_left = MAX_ITEMS * 4
    for _ in range(count):
        item_id = numbers.take(4 if version == 2 else 2)
        method = numbers.take(2) & 15 if version in (1, 2) else 0
        numbers.take(2)  # which file: this one
        base = numbers.take(base_bytes) + (idat_begin if method == 1 else 0)
        extents = []
        piece_count = numbers.take(2)
        pieces_left -= piece_count
        if pieces_left < 0 or method > 1:
            raise PhotoBoundsError(_UNREADABLE)
        for _ in range(piece_count):
            numbers.take(index_bytes)
            at = base + numbers.take(offset_bytes)
            extents.append((at, numbers.take(length_bytes) or file_bytes))
        yield item_id, extents
