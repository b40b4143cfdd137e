"""The folders of a drop and what lies in them, clutter left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from drops.limits import MAX_DEPTH
from drops.names import is_clutter, is_folder, path_parts
from drops.problems import BadDropError, quoted
from drops.splits import split_of

Path = tuple[str, ...]


@dataclass(frozen=True)
class File:
    """A file by its name in the drop, its folders and own name, and its size."""

    name: str
    parts: Path
    size_bytes: int


class FolderTree:
    """`files`, `folders` (the paths of all, the root among them) and `clutter`, of which `hidden` are files.

    Raises BadDropError when folders lie too deep in each other.
    """

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        self.names: list[str] = []
        self.files: list[File] = []
        self.clutter: list[Path] = []
        self.hidden = 0
        self._subfolders: dict[Path, dict[str, None]] = {(): {}}
        self._read: dict[str, tuple[Path, bool]] = {}
        for name, size_bytes in entries:
            self.names.append(name)
            self._add(name, size_bytes)

    def _add(self, name: str, size_bytes: int) -> None:
        around, _, own = name.replace("\\", "/").rpartition("/")
        folders, hidden = self._folders_around(around)
        parts = (*folders, own) if own not in ("", ".") else folders
        if not parts:
            return
        is_file = not is_folder(name)
        if hidden or is_clutter(parts[len(folders) :]):
            self.hidden += is_file
            self.clutter.append(parts)
            # A class folder that holds nothing else is empty, not absent.
            seen = takewhile(lambda part: not is_clutter((part,)), parts)
            self._add_folder(tuple(seen))
            return
        self._add_folder(folders if is_file else parts)
        if is_file:
            self.files.append(File(name, parts, size_bytes))

    def _folders_around(self, around: str) -> tuple[Path, bool]:
        """The parts of a folder's name, and whether it is clutter; kept, for a folder has many files."""
        if around not in self._read:
            parts = path_parts(around)
            if len(parts) > MAX_DEPTH:
                raise BadDropError(
                    "too_deep",
                    f"the name {quoted(around)} has over {MAX_DEPTH} folders in each other: put the class "
                    "folders higher",
                    [around],
                )
            self._read[around] = parts, is_clutter(parts)
        return self._read[around]

    @property
    def folders(self) -> Iterable[Path]:
        return self._subfolders

    def subfolders(self, path: Path) -> list[str]:
        """The names of the folders right in a folder, in order."""
        return sorted(self._subfolders.get(path, ()))

    def unwrapped(self) -> Path:
        """The folder that holds the classes or splits: folders that hold all others are taken off.

        A lone folder is a wrapper as soon as it has folders itself, for one class alone is no dataset. A lone
        split is none.
        """
        root: Path = ()
        while len(subs := self.subfolders(root)) == 1:
            if split_of(subs[0]) or not self.subfolders((*root, subs[0])):
                break
            root = (*root, subs[0])
        return root

    def _add_folder(self, path: Path) -> None:
        if path in self._subfolders:
            return
        self._subfolders[path] = {}
        self._add_folder(path[:-1])
        self._subfolders[path[:-1]][path[-1]] = None
