"""How the files of a drop are laid out: class folders directly, or under train/, valid/ and test/."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from functions.inspect_dataset.problems import BadDropError, listed

# What training reads; its layout rules are the same as those below.
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
SPLITS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
# What macOS puts beside the photos.
SYSTEM_FOLDER = "__MACOSX"


@dataclass(frozen=True)
class ImageFile:
    """One photo: its name in the drop, its class, and its split ("" where the drop has none)."""

    name: str
    label: str
    split: str
    size_bytes: int


@dataclass
class Layout:
    """A drop's photos by class, and a count of what is passed over."""

    kind: Literal["flat", "split"]
    images: list[ImageFile] = field(default_factory=list)
    hidden: int = 0
    not_images: int = 0
    unlabelled: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Photos of each class by split, the classes in the order of their names."""
        counts: dict[str, Counter[str]] = {}
        for image in self.images:
            counts.setdefault(image.label, Counter())[image.split] += 1
        return dict(sorted(counts.items()))


def read_layout(files: Iterable[tuple[str, int]]) -> Layout:
    """The layout of (name, size in bytes) pairs; directories (names that end in a slash) may be among them.

    One folder around everything is taken off (`dogImages/train/...`). Photos that lie in no class folder are
    `unlabelled`; sub-folders of a class belong to the class. Raises BadDropError when split folders and
    others stand side by side.
    """
    hidden = not_images = 0
    photos: list[tuple[str, list[str], int]] = []
    for name, size_bytes in files:
        if name.endswith("/"):
            continue
        # Some Windows tools write backslashes into archives.
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        if any(part.startswith(".") or part == SYSTEM_FOLDER for part in parts):
            hidden += 1
        elif not name.lower().endswith(IMAGE_SUFFIXES):
            not_images += 1
        else:
            photos.append((name, parts, size_bytes))
    if _is_wrapped([parts for _, parts, _ in photos]):
        photos = [(name, parts[1:], size_bytes) for name, parts, size_bytes in photos]
    tops = {parts[0] for _, parts, _ in photos if len(parts) > 1}
    split_tops = {top for top in tops if top.lower() in SPLITS}
    layout = Layout("split" if split_tops else "flat", hidden=hidden, not_images=not_images)
    if split_tops and split_tops != tops:
        raise BadDropError(
            "mixed_layout",
            f"the splits {listed(sorted(split_tops))} stand beside {listed(sorted(tops - split_tops))}: "
            "use either train, valid and test, or class folders alone",
        )
    for name, parts, size_bytes in photos:
        if len(parts) < (3 if layout.kind == "split" else 2):
            layout.unlabelled.append(name)
        elif layout.kind == "split":
            layout.images.append(ImageFile(name, parts[1], SPLITS[parts[0].lower()], size_bytes))
        else:
            layout.images.append(ImageFile(name, parts[0], "", size_bytes))
    return layout


def _is_wrapped(paths: Sequence[list[str]]) -> bool:
    """True when one folder, which is no split, holds everything, and class folders lie inside it."""
    tops = {parts[0] for parts in paths}
    return len(tops) == 1 and tops.pop().lower() not in SPLITS and all(len(parts) > 2 for parts in paths)
