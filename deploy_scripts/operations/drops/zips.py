"""Zips of a dataset on this machine: read with the checks of a drop, and written anew."""

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy_scripts.errors import CliError
from drops.problems import BadDropError
from drops.zip_safety.members import MemberError, ZipDrop
from drops.zip_safety.unsafe_zips import find_dangers

# In a member's directory entry; the same bytes each time.
_TIME = (1980, 1, 1, 0, 0, 0)


@contextmanager
def open_zip(source: Path) -> Iterator[ZipDrop]:
    """The zip, whose faults become a CliError, also while it is read."""
    try:
        size_bytes = source.stat().st_size
        with source.open("rb") as file, ZipDrop(file, size_bytes) as archive:
            if dangers := find_dangers(archive.members, size_bytes, archive.directory_at):
                raise CliError(f"{source} is not read: {dangers[0].message}.")
            yield archive
    except (BadDropError, MemberError) as bad:
        raise CliError(f"{source}: {bad}.", "Correct the zip first.") from bad


def write_zip(
    archive: ZipDrop, names: Mapping[str, str], target: Path, added: Mapping[str, bytes] | None = None
) -> None:
    """Members of `archive`, by their names there and in `target`, then `added`: name -> content.

    Whole or not at all. Photos are compressed already.
    """
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as written:
            for name, new in names.items():
                content = b"" if name.endswith("/") else archive.read(name)
                written.writestr(zipfile.ZipInfo(new, _TIME), content)
            for name, content in (added or {}).items():
                written.writestr(zipfile.ZipInfo(name, _TIME), content)
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)
