"""How a drop is laid out, by its names alone: which files may be photos, of which class and split.

    [wrapper/ ...] class/ ... photo
    [wrapper/ ...] train|valid|test/ class/ ... photo
    [wrapper/ ...] class/ train|valid|test/ photo
    [wrapper/ ...] photo ... beside a table of labels (label_tables.py)

Content then says which candidates are photos (photo_formats.py).
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from drops import names as naming
from drops.folder_tree import File, FolderTree
from drops.label_tables import LabelledFile, ReadFile, read_label_tables
from drops.limits import MIN_CLASSES
from drops.problems import BadDropError, listed, quoted
from drops.splits import ROLES, resembled_split, split_of

# Ten folds; more folders with the same ones inside are classes.
MAX_PARTS = 10
REALLY_NAMED_SO = (
    "if a class is really called so, put all class folders into one folder named train "
    "(train/bus, train/train)"
)


@dataclass(frozen=True)
class Candidate:
    """A file in a class folder: its name in the drop, its class in normal form, its split ("": none)."""

    name: str
    label: str
    split: str
    size_bytes: int


@dataclass
class Layout:
    """A drop's candidates, and what is passed over.

    `strays` are photos by their suffix that lie in no class folder (`strays_in_splits` of them right in a
    split), `others` the other files there; `empty` has the class of each class folder without a file, by its
    path, and `spellings` the folders' names of each class. `by_tables`: tables say the classes, not folders.
    """

    kind: Literal["flat", "split"]
    candidates: list[Candidate] = field(default_factory=list)
    hidden: int = 0
    strays: list[str] = field(default_factory=list)
    strays_in_splits: int = 0
    others: list[str] = field(default_factory=list)
    empty: dict[str, str] = field(default_factory=dict)
    spellings: dict[str, list[str]] = field(default_factory=dict)
    by_tables: bool = False

    @property
    def counts(self) -> dict[str, Counter[str]]:
        """Candidates of each class by split, the classes in the order of their names."""
        counts: dict[str, Counter[str]] = {}
        for candidate in self.candidates:
            counts.setdefault(candidate.label, Counter())[candidate.split] += 1
        return dict(sorted(counts.items()))

    def without(self, names: Collection[str]) -> "Layout":
        """The same without some candidates: those that are no photos."""
        kept = [candidate for candidate in self.candidates if candidate.name not in names]
        return replace(self, candidates=kept)

    @property
    def sha256(self) -> str:
        """Equal for two readings of a drop that found the same candidates in the same classes and splits."""
        # No name has a control character: NUL and line feed part them for certain.
        lines = sorted(
            f"{_normal_path(candidate.name)}\0{candidate.label}\0{candidate.split}\n"
            for candidate in self.candidates
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_layout(entries: Iterable[tuple[str, int]], read_file: ReadFile | None = None) -> Layout:
    """The layout of (name, size in bytes) pairs; names that end in a slash are folders.

    Folders around everything are taken off (`archive/dogImages/train/...`); sub-folders of a class belong to
    the class. Where there are no class folders, the tables of label_tables.py say the classes, if `read_file`
    reads them. Raises BadDropError when names are unsafe, when splits cannot be told from classes, when a
    table cannot be followed, or when names of classes look alike.
    """
    tree = FolderTree(entries)
    _check_names(tree)
    root = tree.unwrapped()
    layout = _laid_out(tree, root)
    if read_file and len(layout.counts) < MIN_CLASSES:
        labelled = read_label_tables(tree.files, read_file)
        layout = _by_tables(tree, labelled) if labelled else layout
    layout.hidden = tree.hidden
    _check_case({candidate.label for candidate in layout.candidates} | set(layout.empty.values()))
    return layout


def _check_names(tree: FolderTree) -> None:
    climbing = [name for name in tree.names if naming.climbs_out(name)]
    if climbing:
        raise BadDropError(
            "unsafe_path", f"names that climb out of the drop: {listed(climbing)}; rename them", climbing
        )
    faults = [("/".join(path), naming.folder_fault(path[-1])) for path in tree.folders if path]
    faults += [(file.name, naming.file_fault(file.parts[-1])) for file in tree.files]
    faults += [("/".join(parts), naming.length_fault(part)) for parts in tree.clutter for part in parts]
    bad = {name: fault for name, fault in faults if fault}
    if bad:
        name, fault = next(iter(bad.items()))
        more = f" (and {len(bad) - 1:,} more)" if len(bad) > 1 else ""
        raise BadDropError("unsafe_name", f"the name {quoted(name)} {fault}{more}: rename it", list(bad))


def _laid_out(tree: FolderTree, root: tuple[str, ...]) -> Layout:
    tops = tree.subfolders(root)
    splits = {top: split for top in tops if (split := split_of(top))}
    if splits and len(splits) == len(tops):
        return _split_first(tree, root, splits)
    if splits:
        others = [top for top in tops if top not in splits]
        raise BadDropError(
            "mixed_layout",
            f"the split folders {listed(list(splits))} stand beside {listed(others)}: use either train, "
            "valid and test with the class folders in each, or class folders alone; "
            f"{REALLY_NAMED_SO}",
            [*splits, *others],
        )
    _refuse_unclear(tops)
    inner = {top: tree.subfolders((*root, top)) for top in tops}
    if any(split_of(sub) for subs in inner.values() for sub in subs):
        return _class_first(tree, root, inner)
    _refuse_same_inside(tree, root, inner)
    return _collect(tree, "flat", {(*root, top): (top, "") for top in tops})


def _split_first(tree: FolderTree, root: tuple[str, ...], splits: dict[str, str]) -> Layout:
    """`train/cat/1.jpg`. A split that holds nothing but a folder of its own name is one split:
    `train/train/cat/1.jpg`.
    """
    places: dict[tuple[str, ...], tuple[str, str]] = {}
    split_folders = []
    for top, split in splits.items():
        path = (*root, top)
        subs = tree.subfolders(path)
        while len(subs) == 1 and split_of(subs[0]) == split and tree.subfolders((*path, subs[0])):
            path = (*path, subs[0])
            subs = tree.subfolders(path)
        split_folders.append(path)
        places |= {(*path, sub): (sub, split) for sub in subs}
    labels = sorted({folder for folder, _ in places.values()})
    if len({split_of(label) for label in labels} - {None}) > 1 and all(map(split_of, labels)):
        raise _unclear(labels)
    # A class that is really called train holds photos, not folders.
    nested = ["/".join(path) for path, (sub, _) in places.items() if split_of(sub) and tree.subfolders(path)]
    if nested:
        raise _unclear(nested)
    return _collect(tree, "split", places, set(split_folders))


def _class_first(tree: FolderTree, root: tuple[str, ...], inner: dict[str, list[str]]) -> Layout:
    """`chest/training/1.jpg`: where every class has splits, nothing but splits, and no folders in those."""
    places = {(*root, top, sub): (top, split_of(sub) or "") for top, subs in inner.items() for sub in subs}
    clear = (
        all(inner.values())
        and all(split for _, split in places.values())
        and not any(tree.subfolders(path) for path in places)
        and not any(top.casefold() in ROLES for top in inner)
    )
    if not clear:
        raise _unclear(["/".join(path) for path, (_, split) in places.items() if split])
    return _collect(tree, "split", places)


def _refuse_unclear(tops: Collection[str]) -> None:
    """`seg_train` beside `seg_test`: splits for sure, but of what is not."""
    groups: dict[str, dict[str, str]] = {}
    for top in tops:
        if resembled := resembled_split(top):
            split, rest = resembled
            groups.setdefault(rest, {})[top] = split
    for group in groups.values():
        if len(set(group.values())) > 1:
            raise _unclear(list(group))


def _refuse_same_inside(tree: FolderTree, root: tuple[str, ...], inner: dict[str, list[str]]) -> None:
    """`color/rust, color/scab` beside `gray/rust, gray/scab`: parts of a dataset by any word, or classes?"""
    if not 1 < len(inner) <= MAX_PARTS:
        return
    shared = set.intersection(*map(set, inner.values()))
    if len(shared) < MIN_CLASSES or 2 * len(shared) < len(set.union(*map(set, inner.values()))):
        return
    tops = {(*root, top) for top in inner}
    if any(file.parts[:-1] in tops for file in tree.files):
        return
    raise BadDropError(
        "unclear_classes",
        f"the folders {listed(list(inner))} hold the same folders ({listed(sorted(shared))}), so it cannot "
        "be told which are the classes: if those inside are, put all photos of each class into one folder, "
        "or the folders into train, valid and test; if those outside are, put them into one folder train "
        f"({quoted(f'train/{next(iter(inner))}')})",
        list(inner),
    )


def _unclear(folders: list[str]) -> BadDropError:
    return BadDropError(
        "unclear_splits",
        f"the folders {listed(folders)} look like splits, but cannot be told from classes: put the class "
        f"folders into train, valid and test, and leave other folders out; {REALLY_NAMED_SO}",
        folders,
    )


def _collect(
    tree: FolderTree,
    kind: Literal["flat", "split"],
    places: dict[tuple[str, ...], tuple[str, str]],
    split_folders: Collection[tuple[str, ...]] = (),
) -> Layout:
    """The layout whose class folders are `places`: path -> (folder that names the class, split)."""
    layout = Layout(kind)
    labels = {path: naming.class_name(folder) for path, (folder, _) in places.items()}
    filled: set[tuple[str, ...]] = set()
    depths = {len(path) for path in places}
    # The class folder around each folder; None where there is none.
    around: dict[tuple[str, ...], tuple[str, ...] | None] = {}
    for file in tree.files:
        folder = file.parts[:-1]
        if folder not in around:
            around[folder] = next((folder[:depth] for depth in depths if folder[:depth] in places), None)
        path = around[folder]
        if path is None:
            _note_stray(layout, file, split_folders)
            continue
        filled.add(path)
        layout.candidates.append(Candidate(file.name, labels[path], places[path][1], file.size_bytes))
    layout.empty = {"/".join(path): label for path, label in labels.items() if path not in filled}
    for spelling in sorted({folder for folder, _ in places.values()}):
        layout.spellings.setdefault(naming.class_name(spelling), []).append(spelling)
    return layout


def _by_tables(tree: FolderTree, labelled: list[LabelledFile]) -> Layout:
    """The layout whose classes tables say; what they do not label is passed over."""
    splits = any(each.split for each in labelled)
    layout = Layout("split" if splits else "flat", by_tables=True)
    known = {each.file.name for each in labelled}
    # Where some have a split, the others are to train on.
    layout.candidates = [
        Candidate(each.file.name, each.label, each.split or "train" * splits, each.file.size_bytes)
        for each in labelled
    ]
    for file in tree.files:
        if file.name not in known:
            _note_stray(layout, file, [file.parts[:-1]] if any(map(split_of, file.parts[:-1])) else [])
    layout.spellings = {label: [label] for label in layout.counts}
    return layout


def _note_stray(layout: Layout, file: File, split_folders: Collection[tuple[str, ...]]) -> None:
    photo = naming.has_photo_suffix(file.name)
    (layout.strays if photo else layout.others).append(file.name)
    if photo and file.parts[:-1] in split_folders:
        layout.strays_in_splits += 1


def _check_case(labels: Collection[str]) -> None:
    alike: dict[str, list[str]] = {}
    for label in sorted(labels):
        alike.setdefault(naming.alike(label), []).append(label)
    pairs = [label for group in alike.values() if len(group) > 1 for label in group]
    if pairs:
        raise BadDropError(
            "case_only",
            "class folders whose names look alike (they differ by upper and lower case, by blanks, by "
            f"invisible characters or by the form of letters alone): {listed(pairs)}; give the folders of "
            "one class one spelling, and different classes clearly different names",
            pairs,
        )


def _normal_path(name: str) -> str:
    return unicodedata.normalize("NFC", "/".join(naming.path_parts(name)))
