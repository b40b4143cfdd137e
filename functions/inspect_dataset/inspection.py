"""The inspection of one drop: what is in it, what is wrong with it, and a snapshot if it is sound."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import IO, Any, cast

from contracts.bucket import INSPECTION, SNAPSHOT_ZIP, run_key, snapshot_key
from contracts.limits import MAX_SENTENCE_CHARACTERS
from drops import manifest
from drops.groups import find_groups_file, read_groups
from drops.keys import Drop, read_drop_key
from drops.label_tables import ReadFile
from drops.layout import Layout, read_layout
from drops.photo_formats import SIGNATURE_BYTES
from drops.problems import MAX_NAMES, BadDropError, Problem, quoted
from drops.text import printable
from drops.zip_safety.members import MemberError, ZipDrop
from drops.zip_safety.unsafe_zips import find_dangers
from functions.common.documents import put_document
from functions.common.errors import bounded_reason
from functions.common.s3_uris import S3Uri
from functions.inspect_dataset import arrival, s3_drops
from functions.inspect_dataset.class_checks import check_classes
from functions.inspect_dataset.folder_versions import FolderState, list_folder, put_manifest
from functions.inspect_dataset.ranged_object import RangedObject
from functions.inspect_dataset.s3_drops import StoredObject
from functions.inspect_dataset.spot_check import ReadStart, SpotCheck, check_contents, zip_reader

Run = Mapping[str, Any]


@dataclass
class Inspection:
    """What is known so far; a bad drop leaves the later fields empty."""

    drop: Drop | None = None
    stored: StoredObject | None = None
    folder: FolderState | None = None
    quiet_s: float = arrival.QUIET_S
    wait_s: int = 0
    layout: Layout | None = None
    layout_sha256: str | None = None
    spot_check: SpotCheck | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]


def inspect_drop(run: Run, *, data_bucket: str, s3: Any, quiet_s: float = arrival.QUIET_S) -> dict[str, Any]:
    """Inspect the run's drop, write `runs/<run id>/inspection.json`, and give what the workflow goes by.

    A bad drop is a result (`accepted` false and one sentence as `reason`), not an exception; so is a folder
    that has not arrived yet: it is worth another look in `wait_s` seconds, 0 for all others.
    """
    inspection = Inspection(quiet_s=quiet_s)
    try:
        _look(run, inspection, data_bucket=data_bucket, s3=s3)
        if inspection.wait_s and inspection.folder:
            arrival.check_patience(run, inspection.folder)
        elif not inspection.errors:
            _snapshot(run, inspection, s3=s3)
    except BadDropError as bad:
        inspection.wait_s = 0
        inspection.problems.append(bad.problem)
    result = _result(run, inspection, data_bucket)
    report = {
        "schema_version": 1,
        "run_id": run["id"],
        "bucket": run["bucket"],
        "key": run["key"],
        "version_id": inspection.stored.version_id if inspection.stored else run["version_id"],
        **result,
        **_details(inspection),
    }
    put_document("inspection", report, S3Uri(data_bucket, run_key(run["id"], INSPECTION)), s3=s3)
    return result


def _look(run: Run, inspection: Inspection, *, data_bucket: str, s3: Any) -> None:
    if run["bucket"] != data_bucket:
        raise BadDropError(
            "wrong_bucket", f"drops are read from the bucket {data_bucket!r} only: copy the dataset there"
        )
    drop = inspection.drop = read_drop_key(run["key"])
    stored = inspection.stored = s3_drops.find_object(run["bucket"], run["key"], run["version_id"], s3=s3)
    if drop.team_folder and run["source"] == "drop":
        _check_no_part_of_a_folder(run, drop.team_folder, s3=s3)
    if drop.format == "zip":
        _look_into_zip(stored, inspection, s3=s3)
    else:
        _look_into_folder(drop.prefix, stored, inspection, s3=s3)


def _check_no_part_of_a_folder(run: Run, team_folder: str, *, s3: Any) -> None:
    """A zip among photos is no drop of its own: the folder is."""
    other = s3_drops.find_other_file(run["bucket"], team_folder, s3=s3)
    if other:
        raise BadDropError(
            "zip_in_folder",
            f"{quoted(run['key'])} lies in a folder with other files than zips ({quoted(other)}), so it "
            "counts as a part of that folder's drop: put the zip at drops/<dataset>.zip, or start its run by "
            "hand with `dropserve run --key KEY`",
            [run["key"], other],
        )


def _look_into_zip(stored: StoredObject, inspection: Inspection, *, s3: Any) -> None:
    file = RangedObject(stored.size_bytes, partial(s3_drops.read_range, stored, s3=s3))
    # zipfile wants read, seek and tell, which a raw file has; its stubs ask for the wider IO.
    look_into_zip(cast(IO[bytes], file), stored.size_bytes, inspection)


def look_into_zip(file: IO[bytes], size_bytes: int, inspection: Inspection) -> None:
    """What a zip holds and what is wrong with it. Raises BadDropError for what is no zip to read at all."""
    with ZipDrop(file, size_bytes) as archive:
        inspection.problems += find_dangers(archive.members, size_bytes, archive.directory_at)
        if inspection.errors:
            return
        look_at_files(archive.entries(), archive.read_start, zip_reader(archive), inspection)


def _look_into_folder(prefix: str, marker: StoredObject, inspection: Inspection, *, s3: Any) -> None:
    folder = inspection.folder = list_folder(marker.bucket, prefix, marker.key, s3=s3)
    arrival.check_marker(marker, folder)
    inspection.wait_s = arrival.seconds_to_wait(marker, folder, inspection.quiet_s)
    if inspection.wait_s:
        return
    try:
        look_at_files(
            ((name, file.size_bytes) for name, file in folder.files.items()),
            lambda name, length: s3_drops.read_start(folder.files[name], length, s3=s3),
            lambda name: s3_drops.read_start(folder.files[name], SIGNATURE_BYTES, s3=s3),
            inspection,
        )
    except BadDropError as bad:
        inspection.problems.append(bad.problem)
    if inspection.errors:
        inspection.wait_s = arrival.seconds_to_refusal(marker, folder, inspection.quiet_s)


def look_at_files(
    files: Iterable[tuple[str, int]], read_file: ReadFile, read_start: ReadStart, inspection: Inspection
) -> None:
    """The same of files by name, wherever they lie; `read_file` gives the beginning of a table's text."""
    try:
        layout = inspection.layout = read_layout(files, read_file)
        groups_file = find_groups_file(layout.others)
        if groups_file:
            read_groups(read_file, groups_file, layout.candidates)
    except MemberError as damaged:
        raise BadDropError("damaged_table", f"a table of the drop is {damaged}: upload it again") from damaged
    inspection.layout_sha256 = layout.sha256
    inspection.spot_check = check_contents(layout, read_start)
    inspection.problems += inspection.spot_check.problems()
    inspection.layout = layout.without(inspection.spot_check.not_photos)
    inspection.problems += check_classes(inspection.layout)


def _snapshot(run: Run, inspection: Inspection, *, s3: Any) -> None:
    """A zip is copied, a folder's versions are written down: a later drop cannot change this run."""
    if inspection.drop and inspection.stored and inspection.drop.format == "zip":
        s3_drops.copy_object(inspection.stored, run["bucket"], snapshot_key(run["id"], SNAPSHOT_ZIP), s3=s3)
    elif inspection.drop and inspection.folder:
        # All of them: what is no photo still counts for the layout, which training reads again.
        folder = S3Uri(run["bucket"], inspection.drop.prefix)
        put_manifest(inspection.folder.files, folder, _manifest_uri(run), s3=s3)


def _result(run: Run, inspection: Inspection, data_bucket: str) -> dict[str, Any]:
    drop, layout = inspection.drop, inspection.layout
    errors, folder = inspection.errors, inspection.folder
    photos = layout.candidates if layout else []
    accepted = not errors and not inspection.wait_s
    return {
        "accepted": accepted,
        "reason": arrival.still_arriving(folder) if inspection.wait_s and folder else _reason(errors),
        "wait_s": inspection.wait_s,
        "dataset": drop.dataset if drop else printable(run["key"]),
        "dataset_uri": _dataset_uri(run, drop) if accepted and drop else None,
        "folder_sha256": folder.sha256 if accepted and folder else None,
        "format": drop.format if drop else None,
        "layout": layout.kind if layout and photos else None,
        "class_count": len(layout.counts) if layout else 0,
        "image_count": len(photos),
        "layout_sha256": None if errors else inspection.layout_sha256,
        "findings": _findings(inspection.problems),
        "total_bytes": sum(photo.size_bytes for photo in photos),
        "drop_order_ms": _drop_order_ms(run, inspection.stored),
        "report_uri": str(S3Uri(data_bucket, run_key(run["id"], INSPECTION))),
    }


def _reason(errors: list[Problem]) -> str | None:
    if not errors:
        return None
    more = f" (the report lists {len(errors)} problems)" if len(errors) > 1 else ""
    return bounded_reason(errors[0].message) + more


def _findings(problems: list[Problem]) -> str:
    """The warnings as one short text: it travels in the state of the workflow, and into notifications."""
    warnings = [problem.message for problem in problems if problem.severity == "warning"]
    return printable(". ".join(warnings), MAX_SENTENCE_CHARACTERS)


def _dataset_uri(run: Run, drop: Drop) -> str:
    if drop.format == "folder":
        return str(_manifest_uri(run))
    return str(S3Uri(run["bucket"], snapshot_key(run["id"], SNAPSHOT_ZIP)))


def _manifest_uri(run: Run) -> S3Uri:
    return S3Uri(run["bucket"], snapshot_key(run["id"], manifest.FILE_NAME))


def _drop_order_ms(run: Run, stored: StoredObject | None) -> int:
    """When the drop was complete; for a manual run, and for a drop that is gone, when it began.

    The event's time comes first: of an upload in parts, Last-Modified says when it began.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    if run["source"] == "drop" and run.get("event_time"):
        return _milliseconds(datetime.fromisoformat(run["event_time"]))
    if run["source"] == "drop" and stored:
        return _milliseconds(stored.last_modified)
    return _milliseconds(datetime.fromisoformat(run["started_at"]))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _details(inspection: Inspection) -> dict[str, Any]:
    layout, spot_check = inspection.layout, inspection.spot_check
    counts = layout.counts if layout else {}
    return {
        "classes": [
            {
                "label": label,
                "images": splits.total(),
                "splits": {split: number for split, number in sorted(splits.items()) if split},
            }
            for label, splits in counts.items()
        ],
        "ignored": {
            "hidden": layout.hidden if layout else 0,
            "not_images": _count_not_photos(layout, spot_check),
            "unlabelled": len(layout.strays) if layout else 0,
        },
        "spot_check": {
            "checked": spot_check.checked if spot_check else 0,
            "bad": spot_check.bad[:MAX_NAMES] if spot_check else [],
        },
        "problems": [problem.as_document() for problem in inspection.problems],
    }


def _count_not_photos(layout: Layout | None, spot_check: SpotCheck | None) -> int:
    outside = len(layout.others) if layout else 0
    return outside + (len(spot_check.not_photos) if spot_check else 0)
