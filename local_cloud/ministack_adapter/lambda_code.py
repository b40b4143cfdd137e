"""Functions' code, unpacked once for all processes that run it, as nothing writes to /var/task on AWS.

ministack unpacks a zip for each process. Ours hold a thousand files, most of them in packages that all
functions have: a cold start spends most of its time on that, and ext4 makes files slowly where many were
just removed.
"""

import hashlib
import shutil
import tempfile
import threading
import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

from local_cloud.ministack_adapter import patch_points

# So many folders that no process runs stay for the next one.
UNUSED_KEPT = 30


def install() -> None:
    """Workers of Python get a link to their code."""
    code, current = UnpackedCode(), threading.local()

    class SharedZip(zipfile.ZipFile):
        """A zip that is unpacked where others with the same content find it."""

        def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
            # ministack writes the packages of layers into the code of the others.
            if current.runtime.startswith("python"):
                code.link(self, Path(path))
            else:
                super().extractall(path, members, pwd)

    def spawn(self: Any) -> None:
        current.runtime = self.config.get("Runtime", "python")
        spawn_original(self)

    def discard(self: Any) -> None:
        if self._tmpdir:
            code.unlink_below(Path(self._tmpdir))
        discard_original(self)

    module = patch_points.take(lambda_runtime, "zipfile")
    patch_points.replace(lambda_runtime, "zipfile", SimpleNamespace(**{**vars(module), "ZipFile": SharedZip}))
    worker_class = patch_points.take(lambda_runtime, "Worker")
    spawn_original = patch_points.replace(worker_class, "_spawn", spawn, "self")
    discard_original = patch_points.replace(worker_class, "_discard_tmpdir", discard, "self")


class UnpackedCode:
    """Folders of unpacked zips, each by what is in it; files that several have are one, by hard links."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._root: Path | None = None
        # Folder -> the workers that run it; the one that was used longest ago comes first.
        self._workers: Counter[Path] = Counter()
        # A file's name, size and checksum in a zip -> the folder that has it, and its path there.
        self._files: dict[tuple[str, int, int], tuple[Path, Path]] = {}

    def link(self, archive: zipfile.ZipFile, place: Path) -> None:
        """Put a link to the unpacked archive in the place of an empty folder."""
        content = [_key(entry) for entry in archive.infolist()]
        # One after another: unpacking is Python's work, of which there is one at a time anyway.
        with self._lock:
            self._root = self._root or Path(tempfile.mkdtemp(prefix="function-code-"))
            folder = self._root / hashlib.sha256(repr(content).encode()).hexdigest()
            if folder not in self._workers:
                self._unpack(archive, folder)
            self._workers[folder] = self._workers.pop(folder, 0) + 1
            place.rmdir()
            place.symlink_to(folder)

    def unlink_below(self, worker_folder: Path) -> None:
        """A worker has ended: nothing runs the code that its folder links to, unless others do."""
        with self._lock:
            for link in (each for each in worker_folder.glob("*") if each.is_symlink()):
                self._workers[link.readlink()] -= 1
                link.unlink()
            unused = [folder for folder, workers in self._workers.items() if workers == 0]
            for folder in unused[:-UNUSED_KEPT]:
                del self._workers[folder]
                shutil.rmtree(folder, ignore_errors=True)

    def _unpack(self, archive: zipfile.ZipFile, folder: Path) -> None:
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
        for entry in archive.infolist():
            owner, path = self._files.get(_key(entry), (folder, Path()))
            if owner in self._workers:
                _share(owner / path, unfinished / path)
                continue
            unpacked = Path(archive.extract(entry, unfinished))
            if not entry.is_dir():
                self._files[_key(entry)] = (folder, unpacked.relative_to(unfinished))
        unfinished.rename(folder)


def _share(file: Path, other: Path) -> None:
    other.parent.mkdir(parents=True, exist_ok=True)
    try:
        other.hardlink_to(file)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, other)


def _key(entry: zipfile.ZipInfo) -> tuple[str, int, int]:
    return entry.filename, entry.file_size, entry.CRC
