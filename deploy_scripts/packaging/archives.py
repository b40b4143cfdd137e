"""Archives that are the same bytes for the same files, whenever and wherever they are made."""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

# The earliest time that a zip can hold.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o644


def make_zip(
    files: Mapping[str, Path], to: Path, *, compress: bool = True, base: Path | None = None, note: str = ""
) -> Path:
    """Write the files under their archive names, sorted, with one fixed time and mode.

    They come behind the entries of `base`, a zip made by this function, which are not compressed again.
    `note` is the archive's comment.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    # Whole at every moment: another command may read it just now.
    unfinished = to.with_name(f"{to.name}.{os.getpid()}.tmp")
    if base:
        shutil.copyfile(base, unfinished)
    with zipfile.ZipFile(unfinished, "a" if base else "w") as archive:
        archive.comment = note.encode()
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=_ZIP_TIME)
            entry.compress_type = method
            entry.create_system = 3  # Unix, on every system: the mode below is read only then
            entry.external_attr = _FILE_MODE << 16
            archive.writestr(entry, files[name].read_bytes())
    return unfinished.replace(to)


def note_of(zip_file: Path) -> str:
    """What `make_zip` noted; empty where there is no such archive."""
    try:
        with zipfile.ZipFile(zip_file) as archive:
            return archive.comment.decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile):
        return ""


def make_tar_gz(files: Mapping[str, Path], to: Path) -> Path:
    """As make_zip, a gzipped tar."""
    to.parent.mkdir(parents=True, exist_ok=True)
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            content = files[name].read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), _FILE_MODE, 0
            archive.addfile(entry, io.BytesIO(content))
    to.write_bytes(gzip.compress(tar_bytes.getvalue(), mtime=0))
    return to


def files_below(
    folder: Path, *, prefix: str = "", pattern: str = "*", caches: bool = False
) -> dict[str, Path]:
    """Archive name -> file, for every matching file below a folder; no hidden files, no `caches`."""
    return {
        prefix + path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob(pattern))
        if path.is_file() and not _is_left_out(path.relative_to(folder), caches)
    }


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_left_out(path: Path, caches: bool) -> bool:
    return any(part.startswith(".") or (part == "__pycache__" and not caches) for part in path.parts)
