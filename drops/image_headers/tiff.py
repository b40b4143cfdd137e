"""TIFF: the strips or tiles of its first picture. TIFF 6.0; BigTIFF: https://www.awaresystems.be/imaging/tiff/bigtiff.html"""

import struct
from typing import NamedTuple

from drops.image_headers.jpeg import MAX_SCAN_PIXELS
from drops.image_headers.refusal import PhotoBoundsError

# One row a strip and three planes, for the 65,500 rows that an image may have. Pillow's own code visits each.
MAX_STRIPS = 200_000
MAX_TAGS = 4096

_WIDTH, _HEIGHT, _COMPRESSION, _ROWS_PER_STRIP = 256, 257, 259, 278
_STRIP_OFFSETS, _STRIP_BYTES = 273, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_UNCOMPRESSED, _OLD_JPEG, _JPEG = 1, 6, 7
_START_OF_SCAN = b"\xff\xda"
# Type of a tag's values -> struct's letter: BYTE, SHORT, LONG, LONG8.
_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}


class _Form(NamedTuple):
    """How one of the two kinds of TIFF is laid out: struct formats, without the byte order."""

    start_at: int
    number: str
    entry: str
    offset: str


_CLASSIC = _Form(4, "H", "HHI4s", "I")
_BIG = _Form(8, "Q", "HHQ8s", "Q")


def check(photo: bytes, max_pixels: int) -> None:
    """Count the strips or tiles, and the work of JPEG-coded ones. Raises PhotoBoundsError."""
    try:
        tags = _Tags(photo)
    except (struct.error, OverflowError, KeyError):
        return  # damaged: Pillow says so
    sizes = tags.values(_STRIP_BYTES) or tags.values(_TILE_BYTES)
    offsets = tags.values(_STRIP_OFFSETS) or tags.values(_TILE_OFFSETS)
    compression = tags.compression()
    if compression == _UNCOMPRESSED:
        return
    if sum(sizes) > len(photo):
        raise PhotoBoundsError("the TIFF's strips share their bytes, or are not in the file; save it anew")
    if compression not in (_OLD_JPEG, _JPEG):
        return
    scans = photo.count(_START_OF_SCAN)
    if compression == _JPEG and len(sizes) == len(offsets) and sizes:
        # Only in the strips: metadata may hold the two bytes by chance.
        scans = sum(
            photo.count(_START_OF_SCAN, offset, offset + size)
            for offset, size in zip(offsets, sizes, strict=True)
        )
    strip_pixels = min(tags.strip_pixels(), max_pixels)  # of a larger one, nothing is decoded
    if scans * strip_pixels > MAX_SCAN_PIXELS:
        raise PhotoBoundsError(
            f"the TIFF is JPEG-coded with {scans} scans of {strip_pixels} pixels each; save it as PNG"
        )


class _Tags:
    """The tags of the first picture that say how its pixels are stored."""

    def __init__(self, photo: bytes) -> None:
        self._photo = photo
        self._order = "<" if photo[:2] == b"II" else ">"
        self._form = _BIG if 43 in photo[2:4] else _CLASSIC
        self._entries = self._read()

    def _unpack(self, form: str, at: int) -> tuple[int | bytes, ...]:
        return struct.unpack_from(self._order + form, self._photo, at)

    def _read(self) -> dict[int, tuple[int, int, int]]:
        """Tag -> type, number and place of its values. Raises struct.error, and PhotoBoundsError."""
        form = self._form
        (start,) = self._unpack(form.offset, form.start_at)
        (count,) = self._unpack(form.number, int(start))
        if int(count) > MAX_TAGS:
            raise PhotoBoundsError(f"the TIFF has more than {MAX_TAGS} tags; save it anew")
        entry_bytes, word_bytes = struct.calcsize("<" + form.entry), struct.calcsize("<" + form.offset)
        entries: dict[int, tuple[int, int, int]] = {}
        first = int(start) + struct.calcsize("<" + form.number)
        for at in range(first, first + int(count) * entry_bytes, entry_bytes):
            tag, kind, number = (int(each) for each in self._unpack(form.entry, at)[:3])
            place = at + entry_bytes - word_bytes
            if kind in _LETTERS and number * struct.calcsize("<" + _LETTERS[kind]) > word_bytes:
                (offset,) = self._unpack(form.offset, place)
                place = int(offset)
            # The first of two counts, as in Pillow and libtiff.
            entries.setdefault(tag, (kind, number, place))
        return entries

    def values(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of a tag; none when it is missing or damaged. Raises PhotoBoundsError."""
        kind, number, place = self._entries.get(tag, (0, 0, 0))
        if number > MAX_STRIPS:
            raise PhotoBoundsError(f"the TIFF has more than {MAX_STRIPS} strips or tiles; save it anew")
        if kind not in _LETTERS:
            return ()
        try:
            return tuple(int(each) for each in self._unpack(f"{number}{_LETTERS[kind]}", place))
        except (struct.error, OverflowError):
            return ()

    def one(self, tag: int, default: int) -> int:
        """A tag's first value."""
        return next(iter(self.values(tag)), default)

    def compression(self) -> int:
        """TIFF's number of it; JPEG's, the costliest, when the tag is written in an odd way."""
        return self.one(_COMPRESSION, _OLD_JPEG if _COMPRESSION in self._entries else _UNCOMPRESSED)

    def strip_pixels(self) -> int:
        """The pixels of one strip or tile."""
        width, height = self.one(_WIDTH, 0), self.one(_HEIGHT, 0)
        if _TILE_WIDTH in self._entries:
            return self.one(_TILE_WIDTH, width) * self.one(_TILE_HEIGHT, height)
        return width * min(height, self.one(_ROWS_PER_STRIP, height))
