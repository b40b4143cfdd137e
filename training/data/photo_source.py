"""The files of a dataset channel, read straight from the zip or from folders: nothing is unpacked."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from drops.limits import MAX_IMAGE_BYTES
from drops.problems import BadDropError
from drops.zip_safety.members import MemberError, ZipDrop
from drops.zip_safety.unsafe_zips import find_dangers
from training.data.preprocessing import PhotoError
from training.failures import DatasetError


class PhotoSource(Protocol):
    """Files by name, `folder/.../file.jpg`; the reads may be called from many threads."""

    def entries(self) -> Iterable[tuple[str, int]]:
        """(name, size in bytes) of every file, as `drops.layout.read_layout` takes them."""
        ...

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises PhotoError when it cannot be read, or is too large for a photo."""
        ...

    def read_start(self, name: str, length: int) -> bytes:
        """At most the first `length` bytes of a file. Raises PhotoError when they cannot be read."""
        ...


class FolderSource:
    """A directory tree."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def entries(self) -> list[tuple[str, int]]:
        found = []
        for folder, _, files in os.walk(self._root):
            inside = Path(folder).relative_to(self._root).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            found.append((prefix, 0))
            # A link that leads nowhere counts as empty here, and cannot be read later.
            found += [(prefix + file, _size_bytes(Path(folder, file))) for file in files]
        return sorted(found)

    def read(self, name: str) -> bytes:
        size_bytes = _size_bytes(self._root / name)
        if size_bytes > MAX_IMAGE_BYTES:
            raise PhotoError(f"{size_bytes} bytes; the limit for one photo is {MAX_IMAGE_BYTES}")
        return self.read_start(name, MAX_IMAGE_BYTES)

    def read_start(self, name: str, length: int) -> bytes:
        try:
            with (self._root / name).open("rb") as file:
                return file.read(length)
        except OSError as error:
            raise PhotoError(f"cannot be read: {error.strerror}") from error


class ZipSource:
    """A zip archive. What the inspection refuses is refused here as well.

    Raises DatasetError when it is no archive, or one that must not be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            size_bytes = path.stat().st_size
            file = path.open("rb")
        except OSError as error:
            raise DatasetError(f"{path.name} cannot be read: {error.strerror}") from error
        try:
            self._archive = ZipDrop(file, size_bytes)
        except BadDropError as bad:
            file.close()
            raise DatasetError(f"{path.name}: {bad}") from bad
        dangers = find_dangers(self._archive.members, size_bytes, self._archive.directory_at)
        if dangers:
            raise DatasetError(f"{path.name}: {dangers[0].message}")

    def entries(self) -> Iterable[tuple[str, int]]:
        return self._archive.entries()

    def read(self, name: str) -> bytes:
        try:
            return self._archive.read(name)
        except MemberError as error:
            raise PhotoError(str(error)) from error

    def read_start(self, name: str, length: int) -> bytes:
        try:
            return self._archive.read_start(name, length)
        except MemberError as error:
            raise PhotoError(str(error)) from error


def open_source(channel: Path) -> PhotoSource:
    """The photos of a channel's folder: of the one .zip file that is all it holds, or of the folders in it.

    An archive among folders is not unpacked: the inspection does not look into it either.
    Raises DatasetError when the folder is missing, or holds several archives and nothing else.
    """
    if not channel.is_dir():
        raise DatasetError(f"the dataset folder {channel} does not exist")
    entries = sorted(entry for entry in channel.iterdir() if not entry.name.startswith("."))
    archives = [entry for entry in entries if entry.suffix.lower() == ".zip" and entry.is_file()]
    if not archives or archives != entries:
        return FolderSource(channel)
    if len(archives) > 1:
        names = ", ".join(archive.name for archive in archives)
        raise DatasetError(f"the dataset folder {channel} holds several archives ({names}); leave one")
    return ZipSource(archives[0])


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
