"""A zip's directory and its members, read with bounds: any seekable file will do, over S3 or on disk."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any

from drops.limits import MAX_IMAGE_BYTES
from drops.problems import BadDropError
from drops.zip_safety.names import RAW_ENCODING, decode_names, no_utf8, raw_name

LOCAL_HEADER = b"PK\x03\x04"
LOCAL_HEADER_BYTES = 30
EMPTY_ARCHIVE = b"PK\x05\x06"
SPLIT_ARCHIVE = b"PK\x07\x08"
_END_RECORD = b"PK\x05\x06"
_END_RECORD_BYTES = 22
_MAX_COMMENT_BYTES = 0xFFFF
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
# What zipfile raises over a damaged directory or member: its own error, and what its parsing trips over.
# RuntimeError: encryption; NotImplementedError (its child): an unknown compression.
DAMAGE = (
    zipfile.BadZipFile,
    RuntimeError,
    struct.error,
    zlib.error,
    ValueError,
    EOFError,
    OverflowError,
    OSError,
)


class MemberError(Exception):
    """A member cannot be read: it is damaged, or too large for a photo. The message says which."""


@dataclass(frozen=True)
class Member:
    """A member by the archive's directory; `name` is decoded, sizes are what the directory states."""

    name: str
    size_bytes: int
    packed_bytes: int
    method: int
    flag_bits: int
    unix_mode: int
    header_at: int
    raw_name_bytes: int


class ZipDrop:
    """The members of a zip. Reads are bounded: no member gives more bytes than its directory states.

    `read` may be called from many threads when the file is a real one. `directory_at` is where the archive's
    directory begins. Raises BadDropError when there is no archive, or its directory cannot be read.
    """

    def __init__(self, file: IO[bytes], size_bytes: int) -> None:
        self._archive = _open(file, size_bytes)
        infos = self._archive.infolist()
        self.directory_at = self._archive.start_dir
        if not infos:
            raise BadDropError("empty_zip", "the zip is empty: put one folder of photos a class into it")
        names = decode_names(infos)
        self._infos = dict(zip(names, infos, strict=True))
        self.members = [_member(name, info) for name, info in zip(names, infos, strict=True)]

    def __enter__(self) -> "ZipDrop":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def entries(self) -> Iterator[tuple[str, int]]:
        """(name, stated size in bytes) of every member, as `read_layout` takes them."""
        return ((member.name, member.size_bytes) for member in self.members)

    def read(self, name: str, max_bytes: int = MAX_IMAGE_BYTES) -> bytes:
        """A member's bytes. Raises MemberError when it is damaged, or states more than `max_bytes`."""
        stated = self._infos[name].file_size
        if stated > max_bytes:
            raise MemberError(f"{stated} bytes; the limit for one photo is {max_bytes}")
        content = self._read(name, stated + 1)
        if len(content) != stated:
            raise MemberError(
                f"damaged in the archive: {len(content)} bytes, not the {stated} that it states"
            )
        return content

    def read_start(self, name: str, length: int) -> bytes:
        """At most the first `length` bytes of a member. Raises MemberError when it is damaged there."""
        return self._read(name, length)

    def _read(self, name: str, length: int) -> bytes:
        try:
            with self._archive.open(self._infos[name]) as member:
                return member.read(length)
        except DAMAGE as error:
            raise MemberError(f"damaged in the archive: {error}") from error


def _open(file: Any, size_bytes: int) -> zipfile.ZipFile:
    if _is_part(file, size_bytes):
        raise BadDropError(
            "split_zip",
            "the zip is one part of several (its others end in .z01, .z02 or .zip.001): join them first, "
            "with `zip -s 0 photos.zip --out whole.zip` or by unpacking and zipping anew, and drop the whole",
        )
    try:
        return zipfile.ZipFile(file, metadata_encoding=RAW_ENCODING)
    except UnicodeDecodeError as problem:
        raise no_utf8(problem) from problem
    except DAMAGE as problem:
        file.seek(0)
        raise _why_not_open(file.read(len(LOCAL_HEADER)), size_bytes) from problem


def _is_part(file: Any, size_bytes: int) -> bool:
    """Whether the archive is a disk of several: APPNOTE 4.4.19 to 4.4.23, and 4.3.15 for zip64."""
    if not size_bytes:
        return False
    length = min(size_bytes, _END_RECORD_BYTES + _MAX_COMMENT_BYTES + _ZIP64_LOCATOR_BYTES)
    file.seek(size_bytes - length)
    tail: bytes = file.read(length)
    end = tail.rfind(_END_RECORD)
    if end < 0 or end + _END_RECORD_BYTES > len(tail):
        file.seek(0)
        return bool(file.read(len(SPLIT_ARCHIVE)) == SPLIT_ARCHIVE)
    locator = tail[max(0, end - _ZIP64_LOCATOR_BYTES) : end]
    if locator.startswith(_ZIP64_LOCATOR) and len(locator) == _ZIP64_LOCATOR_BYTES:
        first: int
        disks: int
        first, disks = struct.unpack_from("<L8xL", locator, 4)
        return first > 0 or disks > 1
    disk: int
    directory_disk: int
    disk, directory_disk = struct.unpack_from("<HH", tail, end + 4)
    return disk > 0 or directory_disk > 0


def _why_not_open(start: bytes, size_bytes: int) -> BadDropError:
    if size_bytes == 0:
        return BadDropError("empty_file", "the file has no bytes: upload it again")
    if start in (LOCAL_HEADER, EMPTY_ARCHIVE):
        return BadDropError(
            "damaged_zip",
            "the zip is cut short or damaged (its directory cannot be read), or one part of several: "
            "upload it again, whole",
        )
    return BadDropError("not_a_zip", "the file is not a zip archive: zip the class folders and drop that")


def _member(name: str, info: zipfile.ZipInfo) -> Member:
    return Member(
        name=name,
        size_bytes=info.file_size,
        packed_bytes=info.compress_size,
        method=info.compress_type,
        flag_bits=info.flag_bits,
        unix_mode=info.external_attr >> 16,
        header_at=info.header_offset,
        raw_name_bytes=len(raw_name(info)),
    )
