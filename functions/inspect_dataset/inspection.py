"""The inspection of one drop: what is in it, what is wrong with it, and a snapshot if it is sound."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from drops import manifest
from functions.common.documents import put_document
from functions.common.reasons import bounded_reason
from functions.common.s3_uris import S3Uri
from functions.inspect_dataset import arrival, s3_drops
from functions.inspect_dataset.archive import find_dangers, open_archive
from functions.inspect_dataset.class_checks import check_classes
from functions.inspect_dataset.drop_key import Drop, read_drop_key
from functions.inspect_dataset.folder_snapshots import put_manifest
from functions.inspect_dataset.folder_versions import FolderState, list_folder
from functions.inspect_dataset.layout import Layout, read_layout
from functions.inspect_dataset.problems import BadDropError, Problem
from functions.inspect_dataset.ranged_object import RangedObject
from functions.inspect_dataset.s3_drops import StoredObject
from functions.inspect_dataset.spot_check import START_BYTES, SpotCheck, check_samples, zip_reader

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
    put_document("inspection", report, S3Uri(data_bucket, f"runs/{run['id']}/inspection.json"), s3=s3)
    return result


def _look(run: Run, inspection: Inspection, *, data_bucket: str, s3: Any) -> None:
    if run["bucket"] != data_bucket:
        raise BadDropError(
            "wrong_bucket", f"drops are read from the bucket {data_bucket!r} only: copy the dataset there"
        )
    drop = inspection.drop = read_drop_key(run["key"])
    stored = inspection.stored = s3_drops.find_object(run["bucket"], run["key"], run["version_id"], s3=s3)
    if drop.format == "zip":
        _look_into_zip(stored, inspection, s3=s3)
    else:
        _look_into_folder(drop.prefix, stored, inspection, s3=s3)


def _look_into_zip(stored: StoredObject, inspection: Inspection, *, s3: Any) -> None:
    file = RangedObject(stored.size_bytes, partial(s3_drops.read_range, stored, s3=s3))
    with open_archive(file, stored.size_bytes) as archive:
        infos: list[zipfile.ZipInfo] = archive.infolist()
        inspection.problems += find_dangers(infos, stored.size_bytes)
        inspection.layout = read_layout((info.filename, info.file_size) for info in infos)
        if inspection.errors:
            return
        _check(inspection.layout, zip_reader(archive), inspection)


def _look_into_folder(prefix: str, marker: StoredObject, inspection: Inspection, *, s3: Any) -> None:
    folder = inspection.folder = list_folder(marker.bucket, prefix, marker.key, s3=s3)
    arrival.check_marker(marker, folder)
    inspection.wait_s = arrival.seconds_to_wait(marker, folder, inspection.quiet_s)
    if inspection.wait_s:
        return
    try:
        inspection.layout = read_layout((name, file.size_bytes) for name, file in folder.files.items())
        _check(
            inspection.layout,
            lambda name: s3_drops.read_start(folder.files[name], START_BYTES, s3=s3),
            inspection,
        )
    except BadDropError as bad:
        inspection.problems.append(bad.problem)
    if inspection.errors:
        inspection.wait_s = arrival.seconds_to_refusal(marker, folder, inspection.quiet_s)


def _check(layout: Layout, read_start: Any, inspection: Inspection) -> None:
    inspection.problems += check_classes(layout)
    inspection.spot_check = check_samples(layout.images, read_start)
    inspection.problems += inspection.spot_check.problems()


def _snapshot(run: Run, inspection: Inspection, *, s3: Any) -> None:
    """A zip is copied, a folder's versions are written down: a later drop cannot change this run."""
    if inspection.drop and inspection.stored and inspection.drop.format == "zip":
        s3_drops.copy_object(inspection.stored, run["bucket"], f"snapshots/{run['id']}/dataset.zip", s3=s3)
    elif inspection.drop and inspection.folder and inspection.layout:
        photos = {image.name: inspection.folder.files[image.name] for image in inspection.layout.images}
        put_manifest(photos, S3Uri(run["bucket"], inspection.drop.prefix), _manifest_uri(run), s3=s3)


def _result(run: Run, inspection: Inspection, data_bucket: str) -> dict[str, Any]:
    drop, layout = inspection.drop, inspection.layout
    errors, folder = inspection.errors, inspection.folder
    images = layout.images if layout else []
    accepted = not errors and not inspection.wait_s
    return {
        "accepted": accepted,
        "reason": arrival.still_arriving(folder) if inspection.wait_s and folder else _reason(errors),
        "findings": "",
        "wait_s": inspection.wait_s,
        "dataset": drop.dataset if drop else run["key"],
        "dataset_uri": _dataset_uri(run, drop) if accepted and drop else None,
        "folder_sha256": folder.sha256 if accepted and folder else None,
        "format": drop.format if drop else None,
        "layout": layout.kind if layout and images else None,
        "class_count": len(layout.counts) if layout else 0,
        "image_count": len(images),
        "total_bytes": sum(image.size_bytes for image in images),
        "drop_order_ms": _drop_order_ms(run, inspection.stored),
        "report_uri": str(S3Uri(data_bucket, f"runs/{run['id']}/inspection.json")),
    }


def _reason(errors: list[Problem]) -> str | None:
    if not errors:
        return None
    more = f" (the report lists {len(errors)} problems)" if len(errors) > 1 else ""
    return bounded_reason(errors[0].message) + more


def _dataset_uri(run: Run, drop: Drop) -> str:
    if drop.format == "folder":
        return str(_manifest_uri(run))
    return str(S3Uri(run["bucket"], f"snapshots/{run['id']}/dataset.zip"))


def _manifest_uri(run: Run) -> S3Uri:
    return S3Uri(run["bucket"], f"snapshots/{run['id']}/{manifest.FILE_NAME}")


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
            "not_images": layout.not_images if layout else 0,
            "unlabelled": len(layout.unlabelled) if layout else 0,
        },
        "spot_check": {
            "checked": spot_check.checked if spot_check else 0,
            "bad": list(spot_check.bad) if spot_check else [],
        },
        "problems": [problem.as_document() for problem in inspection.problems],
    }
