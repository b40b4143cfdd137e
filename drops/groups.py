"""Which photos show one scene, and so belong on one side of a split: by groups.csv, or by their names."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from drops.label_tables import ReadFile
from drops.layout import Candidate
from drops.limits import MAX_TABLE_BYTES
from drops.names import own_name, path_parts
from drops.problems import BadDropError, listed

GROUPS_FILE = "groups.csv"
_COLUMNS = ("file", "group")
# `scene12_003`, `cam1-0007`: a word with a number, then the number of the photo.
_NUMBERED_SCENE = re.compile(r"(.*[^\W\d_]\d+)[ _.-]+\d+")
# In a class; fewer scenes could not be parted, and scenes of one photo are no scenes.
_MIN_SCENES = 3
_MIN_PHOTOS_A_SCENE = 2


def is_groups_file(name: str) -> bool:
    """Whether a file is called groups.csv, wherever it lies."""
    return own_name(name).casefold() == GROUPS_FILE


def find_groups_file(names: Iterable[str]) -> str | None:
    """The name of groups.csv, that of the fewest folders around it; None where there is none."""
    return min(filter(is_groups_file, names), key=lambda name: (len(path_parts(name)), name), default=None)


def read_groups(read_file: ReadFile, groups_file: str, candidates: Iterable[Candidate]) -> dict[str, str]:
    """The group of each photo that groups.csv names, by the photo's name in the drop.

    A file is named as in the drop, from the folder on in which groups.csv lies, or by its own name. Lines
    about other files are passed over. Raises BadDropError when it is no such file, is too large, or has no
    photo's line.
    """
    content = read_file(groups_file, MAX_TABLE_BYTES)
    if len(content) == MAX_TABLE_BYTES:
        # There may be more of it: what is cut off would part scenes unseen.
        raise _bad(f"has {MAX_TABLE_BYTES // 1024**2} MiB or more")
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise _bad(f"has no column {' and no column '.join(missing)} in its first line")
        rows = [((row["file"] or "").strip(), (row["group"] or "").strip()) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _bad(f"is no CSV file in UTF-8: {error}") from error
    groups = _match(rows, "/".join(path_parts(groups_file)[:-1]), list(candidates))
    if not groups:
        files = [file for file, _ in rows]
        raise _bad(f"has no line with a photo of the drop and its group (its files: {listed(files)})", files)
    return groups


def _match(rows: list[tuple[str, str]], around: str, candidates: list[Candidate]) -> dict[str, str]:
    """By the whole name; else by the file's own, where no two photos have it: a photo may have been moved."""
    paths = {candidate.name: "/".join(path_parts(candidate.name)) for candidate in candidates}
    own = Counter(path.rsplit("/", 1)[-1] for path in paths.values())
    by_path = {path: name for name, path in paths.items()}
    by_own = {path.rsplit("/", 1)[-1]: name for name, path in paths.items()}
    groups = {}
    for file, group in rows:
        path = "/".join(path_parts(file))
        name = by_path.get(path) or by_path.get(f"{around}/{path}")
        last = path.rsplit("/", 1)[-1]
        if name is None and own[last] == 1:
            name = by_own[last]
        if name and group:
            groups[name] = group
    return groups


def write_groups(groups: Mapping[str, str]) -> bytes:
    """A groups.csv of these photos, by their whole names in the drop."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(groups.items())
    return text.getvalue().encode()


def guess_groups(candidates: Iterable[Candidate]) -> dict[str, str]:
    """The scenes that names tell, of the classes in which they tell several of several photos."""
    scenes: dict[str, dict[str, str]] = {}
    for candidate in candidates:
        path = PurePosixPath(candidate.name.replace("\\", "/"))
        numbered = _NUMBERED_SCENE.fullmatch(path.stem)
        if numbered:
            scenes.setdefault(candidate.label, {})[candidate.name] = f"{path.parent}/{numbered[1]}"
    groups = {}
    for found in scenes.values():
        sizes = Counter(found.values())
        if len(sizes) >= _MIN_SCENES and len(found) >= _MIN_PHOTOS_A_SCENE * len(sizes):
            groups.update(found)
    return groups


def _bad(why: str, names: Iterable[str] = ()) -> BadDropError:
    return BadDropError("bad_groups", f"{GROUPS_FILE} {why}: correct it, or take it out", list(names))
