"""The photos of a dataset channel, read straight from the zip or from folders: nothing is unpacked."""

import os
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Protocol

from errors import DatasetError
from preprocessing import PhotoError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
# One photo in memory for each decoding thread: a larger file is no photo.
MAX_PHOTO_BYTES = 64 << 20


class PhotoSource(Protocol):
    """Photos by name, `folder/.../file.jpg` with forward slashes; `read` may be called from many threads."""

    def names(self) -> list[str]:
        """The names of everything that looks like a photo, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """A photo's bytes. Raises PhotoError when the archive's member is damaged or too large."""
        ...


class FolderSource:
    """A directory tree."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        found = []
        for folder, _, files in os.walk(self._root):
            inside = Path(folder).relative_to(self._root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            found += [f"{prefix}{file}" for file in files]
        return sorted(name for name in found if _is_photo(name))

    def read(self, name: str) -> bytes:
        path = self._root / name
        try:
            size_bytes = path.stat().st_size
            if size_bytes > MAX_PHOTO_BYTES:
                raise PhotoError(_too_large(size_bytes))
            return path.read_bytes()
        except OSError as error:
            raise PhotoError(f"cannot be read: {error.strerror}") from error


class ZipSource:
    """A zip archive. A member's name is only a label here, so `../` in it leads nowhere."""

    def __init__(self, path: Path) -> None:
        try:
            self._archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DatasetError(f"{path.name} is not a readable zip archive: {error}") from error

    def names(self) -> list[str]:
        members = (info.filename for info in self._archive.infolist() if not info.is_dir())
        return sorted({name for name in members if _is_photo(name)})

    def read(self, name: str) -> bytes:
        try:
            size_bytes = self._archive.getinfo(name).file_size
            if size_bytes > MAX_PHOTO_BYTES:
                raise PhotoError(_too_large(size_bytes))
            return self._archive.read(name)
        # RuntimeError: the member is encrypted; NotImplementedError (its child): an unknown compression.
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise PhotoError(f"damaged in the archive: {error}") from error


def open_source(channel: Path) -> PhotoSource:
    """The photos of a channel's folder: its one .zip file, or the folders in it.

    Raises DatasetError when the folder is missing or holds several archives.
    """
    if not channel.is_dir():
        raise DatasetError(f"the dataset folder {channel} does not exist")
    archives = sorted(entry for entry in channel.iterdir() if entry.suffix.lower() == ".zip")
    if len(archives) > 1:
        names = ", ".join(archive.name for archive in archives)
        raise DatasetError(f"the dataset folder {channel} holds several archives ({names}); leave one")
    return ZipSource(archives[0]) if archives else FolderSource(channel)


def _is_photo(name: str) -> bool:
    """By its suffix; hidden files and what macOS adds to its archives are no photos."""
    path = PurePosixPath(name)
    if path.suffix.lower() not in PHOTO_SUFFIXES:
        return False
    return not any(part == "__MACOSX" or part.startswith(".") for part in path.parts)


def _too_large(size_bytes: int) -> str:
    return f"{size_bytes} bytes; the limit for one photo is {MAX_PHOTO_BYTES}"
