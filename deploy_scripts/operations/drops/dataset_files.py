"""Which files of a folder are a dataset, and which are left out."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy_scripts.errors import CliError
from drops.keys import MARKER
from drops.text import is_unsafe

# What macOS puts into archives beside the photos.
_SYSTEM_FOLDER = "__MACOSX"


@dataclass(frozen=True)
class DatasetFiles:
    """`files`: name in the drop -> file. `left_out`: why -> names. `written`: name -> content of no file."""

    files: Mapping[str, Path]
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    written: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files.values()) + sum(map(len, self.written.values()))


def read_dataset_folder(folder: Path) -> DatasetFiles:
    """What of a folder goes up: every file that is neither hidden nor reached by a link that leads elsewhere.

    Raises CliError when nothing is left, or a name cannot be the end of an S3 key.
    """
    if not folder.is_dir():
        raise CliError(f"There is no folder {folder}.", "Name a zip, or a folder with one folder a class.")
    files: dict[str, Path] = {}
    left_out: dict[str, list[str]] = {}
    root = folder.resolve()
    for path in _paths_below(folder):
        name = path.relative_to(folder).as_posix()
        why = _why_left_out(path, name, root)
        if why:
            left_out.setdefault(why, []).append(name)
        else:
            files[name] = path
    if not files:
        raise CliError(
            f"The folder {folder} holds no files to upload.",
            "Put the photos in one folder a class.",
            [f"left out, {why}: {listed(names)}" for why, names in left_out.items()],
        )
    _check_names(folder, files)
    return DatasetFiles(files, left_out)


def listed(names: Sequence[str], at_most: int = 3) -> str:
    """The first few names, and how many there are beyond them."""
    shown = ", ".join(names[:at_most])
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown


def is_name_safe(name: str) -> bool:
    """Whether a name is UTF-8 and free of characters that no screen should get."""
    return not any(map(is_unsafe, name))


def _paths_below(folder: Path) -> Iterator[Path]:
    """Every file, and every link, in the order of their names; hidden folders are not looked into."""

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        for name in sorted([*files, *(each for each in folders if Path(parent, each).is_symlink())]):
            yield Path(parent, name)
        hidden = [each for each in folders if _is_hidden(each)]
        yield from (Path(parent, each) for each in hidden if not Path(parent, each).is_symlink())
        folders[:] = sorted(set(folders) - set(hidden))


def _why_left_out(path: Path, name: str, root: Path) -> str | None:
    if any(map(_is_hidden, name.split("/"))):
        return "hidden"
    if path.name == MARKER:
        return "markers, which would begin runs"
    if path.is_symlink():
        target = path.resolve()
        if not target.is_relative_to(root):
            return "links that lead out of the folder"
        if target.is_dir():
            return "links to folders"
    return None if path.is_file() else "no regular files"


def _is_hidden(part: str) -> bool:
    return part.startswith(".") or part == _SYSTEM_FOLDER


def _check_names(folder: Path, files: Mapping[str, Path]) -> None:
    unsafe = [name for name in files if not is_name_safe(name)]
    if unsafe:
        raise CliError(
            f"{len(unsafe)} names in {folder} hold control characters or are not UTF-8: {listed(unsafe)}.",
            "Rename them and drop the folder again.",
        )
