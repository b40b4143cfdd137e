"""Which class and which split a photo's place in the folders says: `[top/][split/]class/.../photo.jpg`."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from errors import DatasetError

_SPLITS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}


@dataclass(frozen=True)
class Place:
    """A photo's name in its source, its class, and its split (None: still to be decided)."""

    name: str
    label: str
    split: str | None


def read_layout(names: list[str]) -> tuple[list[Place], list[str]]:
    """The places of all photos, and the names of photos that lie in no class folder.

    Raises DatasetError when there is no class folder, or when split folders and others stand side by side.
    """
    parts = {name: _folders_and_file(name) for name in names}
    wrapped = _wrapping_folder(list(parts.values()))
    if wrapped:
        parts = {name: path[1:] for name, path in parts.items()}
    tops = {path[0] for path in parts.values() if len(path) > 1}
    if not tops:
        raise DatasetError(
            "the dataset has no class folders with photos in them; the README shows the layout"
        )
    split_tops = {top for top in tops if top.lower() in _SPLITS}
    if split_tops and split_tops != tops:
        raise DatasetError(
            f"the dataset has split folders ({_listed(split_tops)}) beside others "
            f"({_listed(tops - split_tops)}); use either splits or plain class folders"
        )
    depth = 2 if split_tops else 1
    places, strays = [], []
    for name, path in parts.items():
        if len(path) <= depth:
            strays.append(name)
        else:
            split = _SPLITS[path[0].lower()] if split_tops else None
            places.append(Place(name, path[depth - 1], split))
    return places, strays


def _folders_and_file(name: str) -> tuple[str, ...]:
    """Some Windows tools write backslashes into archives."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return tuple(part for part in parts if part != "/")


def _wrapping_folder(paths: list[tuple[str, ...]]) -> bool:
    """Whether one folder holds all of it: `dogImages/train/cat/1.jpg`, or `photos/cat/1.jpg`."""
    tops = {path[0] for path in paths}
    if len(tops) != 1 or any(top.lower() in _SPLITS for top in tops):
        return False
    return all(len(path) > 2 for path in paths)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)[:5])
