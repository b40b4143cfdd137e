"""JPEG: scans, segments, metadata and fill bytes. ITU-T T.81, annex B, has the structure."""

import re

from drops.image_headers.refusal import PhotoBoundsError

# libjpeg's progressive script has 10 scans, mozjpeg's 12 at most, libtiff's own limit is 100.
MAX_SCANS = 100
# Each scan visits every pixel, however few bytes it has: 12 scans of the 89 megapixels that training takes.
MAX_SCAN_PIXELS = 1_200_000_000
# Segments of the full 64 KiB would make 256 MiB.
MAX_SEGMENTS = 4096
# Extended XMP with a depth map has a few MB; a colour profile less.
MAX_METADATA_BYTES = 16 << 20
# Bytes between the segments that say nothing: Pillow reads them one by one.
MAX_FILL_BYTES = 64 << 10

_FILL = re.compile(rb"\xff+")
# No repetition in it: on a run of fill bytes that would take quadratic time.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_EOI, _SOS = 0xD9, 0xDA
# The last range: nobody writes these; Pillow reads on right behind them.
_WITHOUT_LENGTH = frozenset({0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_ARITHMETIC = frozenset({*range(0xC9, 0xD0)})


def check(photo: bytes, max_pixels: int) -> None:
    """Walk the segments until the end of the image. Raises PhotoBoundsError."""
    walk = _Walk(photo, max_pixels)
    while walk.step():
        pass


class _Walk:
    """Where the walk is, and what it counted."""

    def __init__(self, photo: bytes, max_pixels: int) -> None:
        self._photo = photo
        self._max_pixels = max_pixels
        self._at = 0
        self._fill_bytes = self._segments = self._metadata_bytes = self._scans = 0
        self._pixels = 0

    def step(self) -> bool:
        """Past the next marker and its segment; False at the end. Raises PhotoBoundsError."""
        marker = self._next_marker()
        if marker is None or (marker == _EOI and self._scans):
            return False
        self._count(marker)
        if marker in _WITHOUT_LENGTH:
            return True
        # Pillow takes a length below 2, which counts itself, for 2.
        size_bytes = max(2, int.from_bytes(self._photo[self._at : self._at + 2]))
        if marker in _FRAMES:
            self._read_frame(marker)
        self._at += size_bytes
        self._metadata_bytes += size_bytes
        if self._metadata_bytes > MAX_METADATA_BYTES:
            raise PhotoBoundsError(
                f"the JPEG holds more than {MAX_METADATA_BYTES >> 20} MiB of metadata; save it without"
            )
        if marker == _SOS:
            self._pass_scan()
        return True

    def _next_marker(self) -> int | None:
        photo = self._photo
        while (fill := _FILL.search(photo, self._at)) and fill.end() < len(photo):
            self._add_fill(fill.end() - self._at - 1)
            self._at = fill.end() + 1
            if photo[fill.end()]:
                return photo[fill.end()]
            self._add_fill(2)
        return None

    def _pass_scan(self) -> None:
        while marker := _MARKER_IN_SCAN.search(self._photo, self._at):
            self._at = marker.start()
            fill = _FILL.match(self._photo, self._at)
            if not fill or len(fill[0]) == 1:
                return
            self._add_fill(len(fill[0]) - 1)
            self._at = fill.end() - 1
            if not _MARKER_IN_SCAN.match(self._photo, self._at):
                self._at += 1
        self._at = len(self._photo)

    def _add_fill(self, count_bytes: int) -> None:
        self._fill_bytes += count_bytes
        if self._fill_bytes > MAX_FILL_BYTES:
            raise PhotoBoundsError(
                f"the JPEG holds more than {MAX_FILL_BYTES >> 10} KiB of fill bytes between its segments; "
                "save it anew"
            )

    def _count(self, marker: int) -> None:
        self._segments += 1
        if self._segments > MAX_SEGMENTS:
            raise PhotoBoundsError(f"the JPEG has more than {MAX_SEGMENTS} segments; save it anew")
        if marker != _SOS:
            return
        self._scans += 1
        if self._scans > MAX_SCANS or self._scans * self._pixels > MAX_SCAN_PIXELS:
            raise PhotoBoundsError(
                f"the JPEG has {self._scans} scans or more of {self._pixels} pixels each; an ordinary "
                "progressive JPEG has 10: save it anew"
            )

    def _read_frame(self, marker: int) -> None:
        if marker in _ARITHMETIC:
            raise PhotoBoundsError("the JPEG is arithmetic-coded, which is not read; save it as a usual JPEG")
        height, width = (int.from_bytes(self._photo[self._at + at : self._at + at + 2]) for at in (3, 5))
        # Of a larger one, nothing is decoded.
        self._pixels = max(self._pixels, min(width * height, self._max_pixels))
