"""The next drop of a dataset: the old one, the reviewed photos in their classes, and where each came from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops.captures import CapturedPhoto
from deploy_scripts.operations.drops.zips import open_zip, write_zip
from drops.label_tables import ReadFile
from drops.layout import Layout, read_layout
from drops.names import class_name, folder_fault, path_parts
from drops.problems import quoted
from drops.review import Decision, Refusal

# One line of JSON a photo. Hidden, so that inspection and training pass it over.
PROVENANCE = ".provenance.jsonl"
_MAX_PROVENANCE_BYTES = 64 * 1024**2


@dataclass
class Sorted:
    """What a list says of captured photos: their classes, or that they go; lines that cannot be followed."""

    labels: dict[CapturedPhoto, str] = field(default_factory=dict)
    thrown_away: list[CapturedPhoto] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


def sort_captures(photos: Sequence[CapturedPhoto], decisions: Sequence[Decision]) -> Sorted:
    """`relabel`: its class is suggested_label; `drop`: it is thrown away; `keep`: it stays for later."""
    named = {photo.name: photo for photo in photos}
    decided: dict[str, int] = {}
    done = Sorted()
    for each in decisions:
        photo, label = named.get(each.file), class_name(each.suggested_label)
        if photo is None:
            done.refusals.append(
                Refusal(each.line, f"{quoted(each.file)} is no photo that waits for a review")
            )
        elif each.file in decided:
            why = f"line {decided[each.file]} decides of {quoted(each.file)} already"
            done.refusals.append(Refusal(each.line, why))
        elif each.action == "relabel" and (fault := _label_fault(label)):
            done.refusals.append(Refusal(each.line, f"the class {quoted(label)} {fault}"))
        else:
            decided[each.file] = each.line
            if each.action == "relabel":
                done.labels[photo] = label
            elif each.action == "drop":
                done.thrown_away.append(photo)
    return done


def write_next_drop(old: Path, photos: Mapping[CapturedPhoto, tuple[str, bytes]], target: Path) -> list[str]:
    """Writes `target`, the zip `old` with these photos (label, bytes) to train on; gives the new classes.

    Raises CliError when `old` cannot be read, or says its classes by tables.
    """
    with open_zip(old) as archive:
        entries = list(archive.entries())
        layout = _layout(entries, archive.read_start)
        taken = {name for name, _ in entries}
        places = {photo: _place(layout, label, photo, taken) for photo, (label, _) in photos.items()}
        earlier = archive.read(PROVENANCE, _MAX_PROVENANCE_BYTES) if PROVENANCE in taken else b""
        lines = [
            json.dumps({"name": place, "label": photos[photo][0], **_origin(photo)}) + "\n"
            for photo, place in places.items()
        ]
        added = {place: photos[photo][1] for photo, place in places.items()}
        added[PROVENANCE] = earlier + "".join(lines).encode()
        kept = {name: name for name, _ in entries if name not in added}
        write_zip(archive, kept, target, added)
    return sorted({label for label, _ in photos.values()} - set(layout.counts))


def _layout(entries: list[tuple[str, int]], read_file: ReadFile) -> Layout:
    layout = read_layout(entries, read_file)
    if layout.by_tables:
        raise CliError(
            "The dataset says its classes by a table: photos cannot be laid into their class folders.",
            "Drop it once with class folders: `dropserve drop ZIP --review FILE` makes them.",
        )
    return layout


def _label_fault(label: str) -> str | None:
    return "has a slash" if "/" in label or "\\" in label else folder_fault(label)


def _origin(photo: CapturedPhoto) -> dict[str, object]:
    told = asdict(photo)
    return {name: told[name] for name in ("sha256", "source", "release", "captured_at", "probability")} | {
        "predicted": photo.label
    }


def _place(layout: Layout, label: str, photo: CapturedPhoto, taken: set[str]) -> str:
    """A name beside a training photo of the class, or in a new folder beside another class's."""
    to_train = [each for each in layout.candidates if each.split in {"", "train"}] or layout.candidates
    beside = next((each for each in to_train if each.label == label), to_train[0])
    *folders, _ = path_parts(beside.name)
    if beside.label != label:
        at = max(number for number, part in enumerate(folders) if class_name(part) == beside.label)
        folders[at] = label
    name = "/".join([*folders, f"captured-{photo.sha256[:16]}.jpg"])
    taken.add(name)
    return name
