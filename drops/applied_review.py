"""What a review makes of a drop's names: which photos go, and which move to the folder of another class."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePosixPath

from drops.groups import GROUPS_FILE, find_groups_file, read_groups, write_groups
from drops.label_tables import ReadFile
from drops.layout import Candidate, Layout, read_layout
from drops.names import class_name
from drops.problems import listed, quoted
from drops.review import Decision, Refusal


@dataclass(frozen=True)
class AppliedReview:
    """`names`: every name of the drop that stays -> its new name. `done` counts the decisions by action.

    `written`: the name of a file that names photos, and so is written anew -> its content.
    """

    names: dict[str, str]
    done: Counter[str]
    written: dict[str, bytes] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


def apply_review(
    entries: Iterable[tuple[str, int]], decisions: Iterable[Decision], read_file: ReadFile | None = None
) -> AppliedReview:
    """The decisions on a drop of these (name, size in bytes); what cannot be done is a refusal.

    A drop whose classes are said by tables gets class folders, and loses all that has no label. A groups.csv
    is written anew where photos move. Raises BadDropError when the drop's layout, or groups.csv, is unclear.
    """
    entries = list(entries)
    layout = read_layout(entries, read_file)
    photos = {candidate.name: candidate for candidate in layout.candidates}
    names = _in_class_folders(layout) if layout.by_tables else {name: name for name, _ in entries}
    mover = _Mover(layout, names)
    decided: dict[str, int] = {}
    refusals, done = [], Counter[str]()
    for decision in decisions:
        why = _why_not(decision, photos, layout, decided)
        if why:
            refusals.append(Refusal(decision.line, why))
            continue
        photo = photos[decision.file]
        decided[decision.file] = decision.line
        done[decision.action] += 1
        if decision.action == "drop":
            del names[decision.file]
        elif decision.action == "relabel":
            names[decision.file] = mover.move(names[decision.file], photo, decision.suggested_label)
    return AppliedReview(names, done, _renamed_groups(layout, names, read_file), refusals)


def _renamed_groups(layout: Layout, names: dict[str, str], read_file: ReadFile | None) -> dict[str, bytes]:
    """groups.csv with the names that photos get, where any gets another one; it leaves `names` then."""
    groups_file = find_groups_file(layout.others)
    moved = any(names.get(photo.name, photo.name) != photo.name for photo in layout.candidates)
    if groups_file is None or read_file is None or not moved:
        return {}
    groups = read_groups(read_file, groups_file, layout.candidates)
    place = names.pop(groups_file, GROUPS_FILE)
    return {place: write_groups({names[name]: group for name, group in groups.items() if name in names})}


def _why_not(
    decision: Decision, photos: dict[str, Candidate], layout: Layout, decided: dict[str, int]
) -> str | None:
    """Why a decision cannot be followed; None where it can."""
    photo = photos.get(decision.file)
    if photo is None:
        return f"{quoted(decision.file)} is no photo of this drop"
    if decision.file in decided:
        return f"line {decided[decision.file]} decides of {quoted(decision.file)} already"
    if decision.label and class_name(decision.label) != photo.label:
        return f"{quoted(decision.file)} is labelled {quoted(photo.label)}, not {quoted(decision.label)}"
    if decision.action == "relabel" and class_name(decision.suggested_label) not in layout.counts:
        classes = listed(list(layout.counts), 10)
        return f"there is no class {quoted(decision.suggested_label)}; the classes are {classes}"
    return None


class _Mover:
    """Gives photos names in the folders of other classes, in the same split; no two get the same one."""

    def __init__(self, layout: Layout, names: Mapping[str, str]) -> None:
        self._layout = layout
        self._taken = set(names.values())
        folders = [_parts(names[candidate.name])[:-1] for candidate in layout.candidates]
        # What all photos share is a wrapper: their class folders, or splits, lie below it.
        self._wrappers = len(list(takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False))))

    def move(self, name: str, photo: Candidate, label: str) -> str:
        parts = _parts(name)
        place = next(
            number for number in range(self._wrappers, len(parts)) if class_name(parts[number]) == photo.label
        )
        parts[place] = self._layout.spellings[class_name(label)][0]
        free = self._free("/".join(parts))
        self._taken.add(free)
        return free

    def _free(self, name: str) -> str:
        """The name, with a number where another photo has it."""
        path, number, free = PurePosixPath(name), 2, name
        while free in self._taken:
            free = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
            number += 1
        return free


def _in_class_folders(layout: Layout) -> dict[str, str]:
    """Every labelled photo's name -> one in the folder of its class, with its folders in its own name."""
    return {
        photo.name: "/".join([*filter(None, [photo.split]), photo.label, "_".join(_parts(photo.name))])
        for photo in layout.candidates
    }


def _parts(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")
