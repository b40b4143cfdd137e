"""Labels that lie in a table beside the photos instead of in folders: labels.csv, or COCO's JSON.

[wrapper/ ...] labels.csv            with columns for file and label, and perhaps one for the split
[wrapper/ ...] [split/] *.json       https://cocodataset.org/#format-data, one category a photo
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from drops.folder_tree import File
from drops.limits import MAX_TABLE_BYTES
from drops.names import class_name, folder_fault, has_photo_suffix, own_name
from drops.problems import BadDropError, listed, quoted
from drops.splits import split_of

LABELS_FILE = "labels.csv"
_COCO_SUFFIX = ".coco.json"
_COCO_FILES = frozenset({"annotations.json", "labels.json", "coco.json"})
_FILE_COLUMNS = ("file", "filename", "file_name", "image", "image_id", "id", "path", "photo", "name")
_LABEL_COLUMNS = ("label", "class", "category", "breed", "species", "target", "class_name")
_SPLIT_COLUMN = "split"

# The bytes of a file of the drop, by its name there; at most so many.
ReadFile = Callable[[str, int], bytes]


@dataclass(frozen=True)
class LabelledFile:
    """A file of the drop that a table labels; `split` is empty where nothing says it."""

    file: File
    label: str
    split: str


@dataclass(frozen=True)
class _Row:
    file: str
    label: str
    split: str = ""


def is_label_table(name: str) -> bool:
    """Whether a file may be such a table, by its name."""
    own = own_name(name).casefold()
    return own == LABELS_FILE or own in _COCO_FILES or own.endswith(_COCO_SUFFIX)


def read_label_tables(files: Iterable[File], read_file: ReadFile) -> list[LabelledFile]:
    """What the tables among these files say of the others. Raises BadDropError when one is unclear."""
    files = list(files)
    labelled: dict[str, LabelledFile] = {}
    for table in files:
        if not is_label_table(table.name):
            continue
        around = table.parts[:-1]
        below = _Below([file for file in files if file.parts[: len(around)] == around], len(around))
        rows = list(_read_rows(table, read_file))
        lost = [row.file for row in rows if below.find(row.file) is None]
        if lost:
            raise _bad(table, f"names files that are not there: {listed(lost)}", lost)
        for row in rows:
            file = below.find(row.file)
            assert file is not None  # noqa: S101 - none is lost
            found = LabelledFile(file, _checked_label(table, row.label), row.split or _split_around(file))
            if labelled.setdefault(file.name, found).label != found.label:
                raise _bad(table, f"gives {quoted(file.name)} several labels", [file.name])
    return list(labelled.values())


class _Below:
    """Files below a folder, by their names from there on, by their own, and by those without a suffix."""

    def __init__(self, files: list[File], depth: int) -> None:
        photos = [file for file in files if has_photo_suffix(file.name)]
        self._by_path = {"/".join(file.parts[depth:]): file for file in photos}
        self._by_own = _unique((file.parts[-1], file) for file in photos)
        self._by_stem = _unique((file.parts[-1].rpartition(".")[0], file) for file in photos)

    def find(self, name: str) -> File | None:
        path = name.replace("\\", "/").removeprefix("./")
        own = own_name(path)
        return self._by_path.get(path) or self._by_own.get(own) or self._by_stem.get(own)


def _unique(named: Iterable[tuple[str, File]]) -> dict[str, File]:
    """Without the names that several files have."""
    pairs = list(named)
    counts = Counter(name for name, _ in pairs)
    return {name: file for name, file in pairs if counts[name] == 1}


def _read_rows(table: File, read_file: ReadFile) -> Iterator[_Row]:
    if table.size_bytes > MAX_TABLE_BYTES:
        raise _bad(table, f"has over {MAX_TABLE_BYTES // 1024**2} MiB")
    content = read_file(table.name, MAX_TABLE_BYTES)
    try:
        text = content.decode("utf-8-sig")
        return _read_csv(table, text) if table.name.lower().endswith(".csv") else _read_coco(table, text)
    except UnicodeDecodeError as error:
        raise _bad(table, "is not in UTF-8") from error


def _read_csv(table: File, text: str) -> Iterator[_Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = {name.strip().casefold(): name for name in reader.fieldnames or []}
    file = next((columns[name] for name in _FILE_COLUMNS if name in columns), None)
    label = next((columns[name] for name in _LABEL_COLUMNS if name in columns), None)
    if file is None or label is None:
        raise _bad(table, "needs a column `file` and a column `label` in its first line")
    split = columns.get(_SPLIT_COLUMN)
    try:
        for row in reader:
            if not (row[file] or "").strip():
                continue
            said = (row[split] or "").strip() if split else ""
            if said and split_of(said) is None:
                raise _bad(table, f"has the split {quoted(said)} in line {reader.line_num}")
            yield _Row(row[file].strip(), (row[label] or "").strip(), split_of(said) or "")
    except csv.Error as error:
        raise _bad(table, f"has a line {reader.line_num} that is no CSV: {error}") from error


def _read_coco(table: File, text: str) -> Iterator[_Row]:
    try:
        document = json.loads(text)
        categories = {each["id"]: str(each["name"]) for each in document["categories"]}
        files = {each["id"]: str(each["file_name"]) for each in document["images"]}
        rows = [
            _Row(files[each["image_id"]], categories[each["category_id"]]) for each in document["annotations"]
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _bad(table, f"is no COCO file ({type(error).__name__}: {error})") from error
    yield from rows


def _split_around(file: File) -> str:
    """Of the folders around a photo, the first that is named as a split."""
    return next((split for folder in file.parts[:-1] if (split := split_of(folder))), "")


def _checked_label(table: File, label: str) -> str:
    fault = folder_fault(label)
    if fault:
        raise _bad(table, f"has the label {quoted(label)}, which {fault}", [label])
    return class_name(label)


def _bad(table: File, why: str, names: Iterable[str] = ()) -> BadDropError:
    return BadDropError("bad_labels", f"{quoted(table.name)} {why}: correct it", list(names) or [table.name])
