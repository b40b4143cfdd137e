"""What a zip must never be unpacked for: tricks with paths, bombs, encryption, unusual compression."""

import stat
from collections import Counter
from collections.abc import Sequence
from zipfile import ZIP_DEFLATED, ZIP_STORED

from drops.limits import (
    MAX_DEFLATE_RATIO,
    MAX_IMAGES,
    MAX_TOTAL_BYTES,
    MAX_TOTAL_RATIO,
    RATIO_APPLIES_FROM_BYTES,
)
from drops.names import is_unsafe_path
from drops.problems import Problem, error, listed
from drops.zip_safety.members import LOCAL_HEADER_BYTES, Member

ENCRYPTED = 0x1 | 0x40  # bits 0 and 6 of the general purpose flags, APPNOTE 4.4.4
# bzip2 and LZMA unpack a few kB to a GB, and so slowly that a size limit bounds no time.
READABLE_METHODS = {ZIP_STORED, ZIP_DEFLATED}
# A DEFLATE stream of a few bytes carries block headers: https://www.rfc-editor.org/rfc/rfc1951
_SMALL_BYTES = 64


def find_dangers(members: Sequence[Member], archive_bytes: int, directory_at: int) -> list[Problem]:
    """The errors over which an archive is refused unread; `directory_at` is where its directory begins."""
    found = [
        _path_problem(members),
        _duplicate_problem(members),
        _encryption_problem(members),
        _method_problem(members),
        _count_problem(members),
        _total_problem(members),
        _beginning_problem(members) or _overlap_problem(members, directory_at),
        _bomb_problem(members, archive_bytes),
    ]
    return [problem for problem in found if problem]


def _path_problem(members: Sequence[Member]) -> Problem | None:
    names = [
        member.name for member in members if is_unsafe_path(member.name) or stat.S_ISLNK(member.unix_mode)
    ]
    if not names:
        return None
    return error(
        "unsafe_path",
        f"unsafe names or links in the zip: {listed(names)}; zip the class folders themselves, "
        "so that every name is relative",
        names,
    )


def _duplicate_problem(members: Sequence[Member]) -> Problem | None:
    counts = Counter(member.name for member in members)
    names = [name for name, count in counts.items() if count > 1]
    if not names:
        return None
    return error(
        "duplicate_name",
        f"names that stand in the zip more than once: {listed(names)}; zip the folders anew",
        names,
    )


def _encryption_problem(members: Sequence[Member]) -> Problem | None:
    names = [member.name for member in members if member.flag_bits & ENCRYPTED]
    if not names:
        return None
    return error(
        "encrypted",
        f"encrypted entries in the zip: {listed(names)}; zip the photos without a password",
        names,
    )


def _method_problem(members: Sequence[Member]) -> Problem | None:
    odd = [member for member in members if member.method not in READABLE_METHODS]
    if not odd:
        return None
    names = [member.name for member in odd]
    methods = ", ".join(sorted({_METHODS.get(member.method, f"method {member.method}") for member in odd}))
    return error(
        "unreadable_compression",
        f"entries compressed with {methods}: {listed(names)}; only Deflate and no compression are read: "
        "zip with Deflate, the usual method",
        names,
    )


# APPNOTE 4.4.5.
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}


def _count_problem(members: Sequence[Member]) -> Problem | None:
    if len(members) <= MAX_IMAGES:
        return None
    return error("too_many_files", f"the zip holds over {MAX_IMAGES:,} entries: split it")


def _total_problem(members: Sequence[Member]) -> Problem | None:
    total = sum(member.size_bytes for member in members)
    if total <= MAX_TOTAL_BYTES:
        return None
    return error(
        "too_large",
        f"the zip unpacks to {total / 1024**3:.0f} GiB, over the limit of "
        f"{MAX_TOTAL_BYTES // 1024**3} GiB: drop smaller photos or fewer",
    )


def _beginning_problem(members: Sequence[Member]) -> Problem | None:
    """zipfile counts back from the directory: members that lie before the file's first byte are missing."""
    names = [member.name for member in members if member.header_at < 0]
    if not names:
        return None
    return error(
        "damaged_zip",
        f"the beginning of the zip is missing, with {listed(names)}: it is the last of several parts, or "
        "cut; join the parts, or upload it again, whole",
        names,
    )


def _overlap_problem(members: Sequence[Member], directory_at: int) -> Problem | None:
    """Entries that share their bytes (a "better zip bomb"), or lie outside the archive: no tool writes them.

    https://www.bamsoftware.com/hacks/zipbomb/
    """
    ordered = sorted(members, key=lambda member: member.header_at)
    ends = [member.header_at for member in ordered[1:]] + [directory_at]
    names = [
        member.name
        for member, end in zip(ordered, ends, strict=True)
        if member.header_at + LOCAL_HEADER_BYTES + member.raw_name_bytes + member.packed_bytes > end
    ]
    if not names:
        return None
    return error(
        "zip_bomb",
        f"entries of the zip overlap each other or lie outside it: {listed(names)}; zip the photos anew",
        names,
    )


def _bomb_problem(members: Sequence[Member], archive_bytes: int) -> Problem | None:
    impossible = [member.name for member in members if _is_impossible(member)]
    if impossible:
        return error(
            "zip_bomb",
            f"entries of the zip state sizes that their compression cannot reach: {listed(impossible)}; "
            "zip the photos anew",
            impossible,
        )
    total = sum(member.size_bytes for member in members)
    if total < RATIO_APPLIES_FROM_BYTES or total <= MAX_TOTAL_RATIO * archive_bytes:
        return None
    return error(
        "zip_bomb",
        f"the zip unpacks to {total / 1024**3:.0f} GiB, more than {MAX_TOTAL_RATIO} times its size, which "
        "no set of photos does: drop the photos in a format of their own compression, such as PNG",
    )


def _is_impossible(member: Member) -> bool:
    if member.method == ZIP_STORED:
        return member.size_bytes != member.packed_bytes
    deflated = member.method == ZIP_DEFLATED
    return deflated and member.size_bytes > MAX_DEFLATE_RATIO * max(member.packed_bytes, _SMALL_BYTES)
