"""The next drop of a dataset: the old one, the reviewed photos in their classes, and where each came from."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.captures import CapturedPhoto
from drops.applied_review import apply_review
from drops.layout import Layout, read_layout
from drops.limits import MAX_IMAGE_BYTES
from drops.names import class_name, folder_fault, own_name, path_parts
from drops.problems import quoted
from drops.review import Decision, Refusal

# One line of JSON a photo. Hidden, so that inspection and training pass it over.
PROVENANCE = ".provenance.jsonl"
_MAX_PROVENANCE_BYTES = 64 * 1024**2


class Content(Protocol):
    """A dataset's files: a zip's members, or the objects of a folder."""

    def entries(self) -> Iterable[tuple[str, int]]:
        """(name, size in bytes) of each."""

    def read(self, name: str, max_bytes: int = MAX_IMAGE_BYTES) -> bytes:
        """A file's bytes."""

    def read_start(self, name: str, length: int) -> bytes:
        """At most so many of a file's first bytes."""


@dataclass
class Sorted:
    """What a list says of captured photos: their classes, or that they go; lines that cannot be followed."""

    labels: dict[CapturedPhoto, str] = field(default_factory=dict)
    thrown_away: list[CapturedPhoto] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    lines: dict[CapturedPhoto, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Additions:
    """`places` has a name in the dataset for each photo that is new to it, `there` those that are in it.

    `renamed`: every file that stays -> its name. `written`: name -> content of what is written anew.
    """

    places: dict[CapturedPhoto, str]
    there: dict[CapturedPhoto, str]
    refusals: list[Refusal]
    new_classes: list[str]
    renamed: dict[str, str]
    written: dict[str, bytes]


def sort_captures(photos: Sequence[CapturedPhoto], decisions: Sequence[Decision]) -> Sorted:
    """`relabel`: its class is suggested_label; `drop`: it is thrown away; `keep`: it stays for later."""
    named = {photo.name: photo for photo in photos}
    done = Sorted()
    for each in decisions:
        photo, label = named.get(each.file), class_name(each.suggested_label)
        if photo is None:
            why = f"{quoted(each.file)} is no photo that waits for a review"
        elif photo in done.lines:
            why = f"line {done.lines[photo]} decides of {quoted(each.file)} already"
        elif each.action == "relabel" and (fault := _label_fault(label)):
            why = f"the class {quoted(label)} {fault}"
        else:
            done.lines[photo] = each.line
            if each.action == "relabel":
                done.labels[photo] = label
            elif each.action == "drop":
                done.thrown_away.append(photo)
            continue
        done.refusals.append(Refusal(each.line, why))
    return done


def plan_additions(content: Content, done: Sorted, *, may_rename: bool) -> Additions:
    """Where the labelled photos go: beside those of their class to train on, or in a folder of a new class.

    A dataset whose classes are said by tables gets class folders where its files can be renamed. Raises
    CliError where they cannot; what `content` raises, and BadDropError of an unclear layout, go through.
    """
    entries = list(content.entries())
    layout = read_layout(entries, content.read_start)
    renamed, written = {name: name for name, _ in entries}, {}
    if layout.by_tables:
        if not may_rename:
            raise CliError(
                "The dataset is a folder whose classes a table says: photos have no class folders there.",
                "Drop it once with class folders: `dropserve drop FOLDER --review FILE` makes them.",
            )
        in_folders = apply_review(entries, [], content.read_start)
        renamed, written = in_folders.names, in_folders.written
    there = _find(content, layout, done.labels)
    refusals = [
        Refusal(
            done.lines[photo],
            f"{quoted(photo.name)} is to be {quoted(done.labels[photo])}, but the dataset has it as "
            f"{quoted(name)}, in the class {quoted(label)}",
        )
        for photo, (name, label) in there.items()
        if label != done.labels[photo]
    ]
    sizes = dict(entries)
    if layout.by_tables:
        layout = read_layout([(new, sizes[name]) for name, new in renamed.items()])
    places = {
        photo: _place(layout, label, photo) for photo, label in done.labels.items() if photo not in there
    }
    earlier = content.read(PROVENANCE, _MAX_PROVENANCE_BYTES) if PROVENANCE in sizes else b""
    lines = [
        json.dumps({"name": place, "label": done.labels[photo], **_origin(photo)}) + "\n"
        for photo, place in places.items()
    ]
    renamed.pop(PROVENANCE, None)
    return Additions(
        places,
        {photo: name for photo, (name, _) in there.items()},
        refusals,
        sorted({done.labels[photo] for photo in places} - set(layout.counts)),
        renamed,
        {**written, PROVENANCE: earlier + "".join(lines).encode()},
    )


def _find(
    content: Content, layout: Layout, photos: Iterable[CapturedPhoto]
) -> dict[CapturedPhoto, tuple[str, str]]:
    """Photos that the dataset has, with name and class there: added by an earlier review, or as they were."""
    by_name = {_own_name(photo): photo for photo in photos}
    by_digest = {photo.sha256: photo for photo in photos}
    sizes = {photo.size_bytes for photo in photos}
    found: dict[CapturedPhoto, tuple[str, str]] = {}
    for each in layout.candidates:
        photo = by_name.get(own_name(each.name))
        # Of a photo without a size each content may be it.
        if photo is None and (each.size_bytes in sizes or None in sizes):
            photo = by_digest.get(hashlib.sha256(content.read(each.name)).hexdigest())
        if photo:
            found[photo] = (each.name, each.label)
    return found


def _label_fault(label: str) -> str | None:
    return "has a slash" if "/" in label or "\\" in label else folder_fault(label)


def _origin(photo: CapturedPhoto) -> Mapping[str, object]:
    told = asdict(photo)
    return {name: told[name] for name in ("sha256", "source", "release", "captured_at", "probability")} | {
        "predicted": photo.label
    }


def _own_name(photo: CapturedPhoto) -> str:
    return f"captured-{photo.sha256[:16]}.jpg"


def _place(layout: Layout, label: str, photo: CapturedPhoto) -> str:
    """A name beside a training photo of the class, or in a new folder beside another class's."""
    to_train = [each for each in layout.candidates if each.split in {"", "train"}] or layout.candidates
    beside = next((each for each in to_train if each.label == label), to_train[0])
    *folders, _ = path_parts(beside.name)
    if beside.label != label:
        at = max(number for number, part in enumerate(folders) if class_name(part) == beside.label)
        folders[at] = label
    return "/".join([*folders, _own_name(photo)])
