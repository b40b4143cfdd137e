"""A zip's directory: opened, and looked over for what must never be unpacked."""

import re
import stat
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from typing import IO, cast

from functions.inspect_dataset.problems import (
    MAX_COMPRESSION_RATIO,
    MAX_IMAGES,
    MAX_TOTAL_BYTES,
    RATIO_APPLIES_FROM_BYTES,
    BadDropError,
    Problem,
    error,
    listed,
)
from functions.inspect_dataset.ranged_object import RangedObject

LOCAL_HEADER = b"PK\x03\x04"
EMPTY_ARCHIVE = b"PK\x05\x06"
ENCRYPTED = 0x1  # bit 0 of the general purpose flags, APPNOTE 4.4.4
READABLE_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
# What zipfile raises over a damaged directory or entry: its own error, and what its parsing trips over.
DAMAGE = (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, EOFError, OverflowError)


def open_archive(file: RangedObject, size_bytes: int) -> zipfile.ZipFile:
    """The archive with its directory read. Raises BadDropError when there is none, or it is damaged."""
    try:
        # ZipFile wants read, seek and tell, which a raw file has; the stubs ask for the wider IO.
        archive = zipfile.ZipFile(cast(IO[bytes], file))
    except DAMAGE as problem:
        file.seek(0)
        start = file.read(len(LOCAL_HEADER))
        raise _why_not_open(start, size_bytes) from problem
    if not archive.infolist():
        raise BadDropError("empty_zip", "the zip is empty: put one folder of photos a class into it")
    return archive


def _why_not_open(start: bytes, size_bytes: int) -> BadDropError:
    if size_bytes == 0:
        return BadDropError("empty_file", "the file has no bytes: upload it again")
    if start in (LOCAL_HEADER, EMPTY_ARCHIVE):
        return BadDropError(
            "damaged_zip", "the zip is cut short or damaged (its directory cannot be read): upload it again"
        )
    return BadDropError("not_a_zip", "the file is not a zip archive: zip the class folders and drop that")


def find_dangers(infos: Sequence[zipfile.ZipInfo], archive_bytes: int) -> list[Problem]:
    """The errors over which an archive is refused unread: tricks with paths, bombs, encryption."""
    found = [
        _path_problem(infos),
        _duplicate_problem(infos),
        _method_problem(infos),
        *_size_problems(infos, archive_bytes),
    ]
    return [problem for problem in found if problem]


def _is_unsafe_path(name: str) -> bool:
    """Absolute, with a drive, or climbing out: never a name of an honest archive."""
    return bool(re.match(r"[/\\]|[A-Za-z]:", name)) or ".." in re.split(r"[/\\]", name)


def _path_problem(infos: Sequence[zipfile.ZipInfo]) -> Problem | None:
    # orig_filename: zipfile itself cuts a name at a NUL byte.
    names = [
        info.orig_filename
        for info in infos
        if _is_unsafe_path(info.orig_filename)
        or "\0" in info.orig_filename
        or stat.S_ISLNK(info.external_attr >> 16)
    ]
    if not names:
        return None
    return error(
        "unsafe_path",
        f"unsafe names or links in the zip: {listed(names)}; zip the class folders themselves, "
        "so that every name is relative",
        names,
    )


def _duplicate_problem(infos: Sequence[zipfile.ZipInfo]) -> Problem | None:
    counts = Counter(info.filename for info in infos)
    names = [name for name, count in counts.items() if count > 1]
    if not names:
        return None
    return error(
        "duplicate_name",
        f"names that stand in the zip more than once: {listed(names)}; zip the folders anew",
        names,
    )


def _method_problem(infos: Sequence[zipfile.ZipInfo]) -> Problem | None:
    encrypted = [info.filename for info in infos if info.flag_bits & ENCRYPTED]
    if encrypted:
        return error(
            "encrypted",
            f"encrypted entries in the zip: {listed(encrypted)}; zip the photos without a password",
            encrypted,
        )
    odd = [info.filename for info in infos if info.compress_type not in READABLE_METHODS]
    if odd:
        return error(
            "unreadable_compression",
            f"entries with a compression that cannot be read: {listed(odd)}; zip with Deflate",
            odd,
        )
    return None


def _size_problems(infos: Sequence[zipfile.ZipInfo], archive_bytes: int) -> list[Problem]:
    problems = []
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_IMAGES:
        problems.append(error("too_many_files", f"the zip holds over {MAX_IMAGES:,} entries: split it"))
    if total > MAX_TOTAL_BYTES:
        problems.append(
            error(
                "too_large",
                f"the zip unpacks to {total / 1024**3:.0f} GiB, over the limit of "
                f"{MAX_TOTAL_BYTES // 1024**3} GiB: drop smaller photos or fewer",
            )
        )
    # Entries that share their bytes, as in a "better zip bomb", claim more than the archive has.
    overlapping = sum(info.compress_size for info in infos) > archive_bytes
    bombs = [info.filename for info in infos if _is_bomb(info.file_size, info.compress_size)]
    if overlapping or bombs or _is_bomb(total, archive_bytes):
        problems.append(
            error(
                "zip_bomb",
                f"the zip unpacks to more than {MAX_COMPRESSION_RATIO} times its size, "
                "which no set of photos does: zip the photos anew",
                bombs,
            )
        )
    return problems


def _is_bomb(size_bytes: int, packed_bytes: int) -> bool:
    return size_bytes >= RATIO_APPLIES_FROM_BYTES and size_bytes > MAX_COMPRESSION_RATIO * packed_bytes
