"""Reads the first bytes of a few photos: do they begin as an image does?"""

import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from functions.inspect_dataset.archive import DAMAGE
from functions.inspect_dataset.layout import ImageFile
from functions.inspect_dataset.problems import Problem, error, listed, warning

SAMPLES = 16
START_BYTES = 16
# JPEG, PNG, BMP, GIF, and TIFF in both byte orders.
STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF8", b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class SpotCheck:
    """How many photos were looked at, and the names of those that are none."""

    checked: int
    bad: tuple[str, ...]

    def problems(self) -> list[Problem]:
        """Half of the sample bad refuses the drop; fewer is a warning, for training leaves such files out."""
        if not self.bad:
            return []
        found = f"{len(self.bad)} of {self.checked} photos looked at are no images ({listed(self.bad)})"
        if 2 * len(self.bad) >= self.checked:
            return [error("not_images", f"{found}: check how they were made, and drop them again", self.bad)]
        return [warning("some_not_images", f"{found}; training leaves such files out", self.bad)]


def check_samples(images: Sequence[ImageFile], read_start: Callable[[str], bytes]) -> SpotCheck:
    """Looks at SAMPLES photos, spread evenly over the drop; `read_start(name)` gives their first bytes."""
    sample = images[:: max(1, -(-len(images) // SAMPLES))]
    bad = tuple(image.name for image in sample if not is_image(read_start(image.name)))
    return SpotCheck(len(sample), bad)


def is_image(start: bytes) -> bool:
    """Whether a file's first 12 bytes or more are those of a JPEG, PNG, WebP, BMP, GIF or TIFF."""
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return webp or start.startswith(STARTS)


def zip_reader(archive: zipfile.ZipFile) -> Callable[[str], bytes]:
    """Reads the start of an entry; a damaged entry gives no bytes, and so is no image."""

    def read_start(name: str) -> bytes:
        try:
            with archive.open(name) as entry:
                return entry.read(START_BYTES)
        except (*DAMAGE, OSError, zlib.error, lzma.LZMAError):
            return b""

    return read_start
