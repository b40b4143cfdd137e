"""model.tar.gz and output.tar.gz: packed without surprises, unpacked without escapes."""

import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path


class BadArchiveError(Exception):
    """The object is no tar.gz archive, or a member of it would leave its folder."""


def has_files(folder: Path) -> bool:
    """Whether there is anything to pack."""
    return any(path.is_file() for path in folder.rglob("*"))


def pack(folders: Sequence[Path], archive: Path) -> None:
    """Packs what is in the folders, with names relative to them, as SageMaker does.

    Nothing is made smaller: it goes no further than this disk, and weights hardly shrink.
    """
    with tarfile.open(archive, "w:gz", compresslevel=0) as tar:
        for folder in folders:
            for path in sorted(folder.iterdir()):
                tar.add(path, arcname=path.name)


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a tar.gz into `folder`; raises BadArchiveError, and then nothing outside was touched."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                _extract(tar, member, folder)
    except (tarfile.TarError, OSError, EOFError, KeyError) as error:
        raise BadArchiveError(str(error)) from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Not extractall: its filter came with Python 3.11.4. A link becomes a copy of its target."""
    target = folder / member.name
    if not target.resolve().is_relative_to(folder.resolve()):
        raise BadArchiveError(f"{member.name!r} would leave its folder")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member)
    if content is None:
        raise BadArchiveError(f"{member.name!r} is neither a file nor a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
