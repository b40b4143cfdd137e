"""Zips as real tools write them, and as no honest tool does."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

JPEG_START = b"\xff\xd8\xff\xe0"
PNG_START = b"\x89PNG\r\n\x1a\n"
HEIC_START = b"\0\0\0\x18ftypheic" + bytes(16)
AVIF_START = b"\0\0\0\x18ftypavif" + bytes(16)


def photo(number: int, start: bytes = JPEG_START) -> bytes:
    """What begins as a photo does, no two alike."""
    return start + number.to_bytes(4, "big") + bytes(60)


def class_photos(
    *labels: str, count: int = 6, suffix: str = ".jpg", start: bytes = JPEG_START
) -> dict[str, bytes]:
    return {
        f"{label}/{number}{suffix}": photo(1000 * place + number, start)
        for place, label in enumerate(labels)
        for number in range(count)
    }


class RawInfo(zipfile.ZipInfo):
    """A member whose name goes into the archive as these bytes, with bit 11 or without."""

    raw = b""
    flagged = False

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's own
        return self.raw, self.flag_bits & ~0x800 | (0x800 if self.flagged else 0)


def raw_zip(
    files: Mapping[bytes, bytes],
    *,
    flagged: bool = False,
    extras: Mapping[bytes, bytes] | None = None,
    system: int = 3,
) -> bytes:
    """A zip whose names are bytes in whatever encoding; `extras` adds an extra field to some members.

    `system` made it: 3 is Unix and macOS, 0 is Windows.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (raw, content) in enumerate(files.items()):
            info = RawInfo(f"member{number}")
            info.raw, info.flagged = raw, flagged
            info.create_system = system
            info.extra = (extras or {}).get(raw, b"")
            archive.writestr(info, content)
    return buffer.getvalue()


def text_zip(files: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_channel(folder: Path, body: bytes) -> Path:
    """The folder that training gets for a zip drop."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.zip").write_bytes(body)
    return folder
