"""Whether all of a folder drop has arrived: its marker may be written first, or its photos go on coming.

LastModified has whole seconds, and is for a multipart upload when that began
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html): what these rules miss, the looks
after training and before the release find.
"""

import math
import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drops.keys import Drop, read_drop_key
from drops.problems import BadDropError
from drops.text import printable
from functions.common.s3_uris import S3Uri
from functions.inspect_dataset.folder_versions import FolderState, list_folder
from functions.inspect_dataset.s3_drops import StoredObject

# A folder that is newer than its marker is complete when nothing has come for this long; a deployment may set
# another time, which then bounds the two below as well.
QUIET_S = 60.0
# A shorter pause between two looks would only cost.
SHORTEST_WAIT_S = 30
# What comes in the second of the marker looks as old as the marker.
MARKER_AGE_S = 5
# A marker that came first may be alone for a while: so old it must be before the folder is refused.
REFUSAL_AGE_S = 20
# The longest upload that a run waits for.
LONGEST_WAIT = timedelta(hours=6)


def check_marker(marker: StoredObject, folder: FolderState) -> None:
    """Raises BadDropError when the folder's marker is another one by now."""
    if folder.marker is None:
        raise BadDropError(
            "changed",
            f"{marker.key!r} was removed while the folder was read: write it again when all photos are there",
            [marker.key],
        )
    if marker.version_id and marker.version_id != folder.marker.version_id:
        raise BadDropError(
            "changed", f"{marker.key!r} was written again: the newer drop has its own run", [marker.key]
        )


def seconds_to_wait(marker: StoredObject, folder: FolderState, quiet_s: float = QUIET_S) -> int:
    """How long until the folder is worth another look; 0 when it has arrived."""
    if folder.newest_change and folder.newest_change[1] > marker.last_modified:
        left_s = quiet_s - (folder.listed_at - folder.newest_change[1]).total_seconds()
        return math.ceil(max(left_s, min(SHORTEST_WAIT_S, quiet_s))) if left_s > 0 else 0
    return _until_age(MARKER_AGE_S, marker, folder)


def seconds_to_refusal(marker: StoredObject, folder: FolderState, quiet_s: float = QUIET_S) -> int:
    """How long a folder that looks unsound gets to show the rest of it; 0 when it had its time."""
    return _until_age(min(REFUSAL_AGE_S, quiet_s), marker, folder)


def _until_age(age_s: float, marker: StoredObject, folder: FolderState) -> int:
    return max(0, math.ceil(age_s - (folder.listed_at - marker.last_modified).total_seconds()))


def check_patience(run: Mapping[str, Any], folder: FolderState) -> None:
    """Raises BadDropError when the run has waited for as long as it may."""
    if folder.listed_at - datetime.fromisoformat(run["started_at"]) > LONGEST_WAIT:
        hours = LONGEST_WAIT.total_seconds() / 3600
        raise BadDropError(
            "still_arriving",
            f"photos were still arriving {hours:g} hours after this run began: finish the upload, then write "
            f"{run['key']!r} once more",
            [run["key"]],
        )


def still_arriving(folder: FolderState) -> str:
    """The reason of an inspection that has to wait."""
    return f"photos are still arriving: {len(folder.files):,} files are there so far"


def look_again(run: Mapping[str, Any], inspected: Mapping[str, Any], *, s3: Any) -> dict[str, Any]:
    """Whether the folder is still what was inspected: `changed`, why as `reason`, what to do as `advice`.

    `inspected` is the answer of the inspection. A folder that is too large by now has changed, too.
    """
    drop = read_drop_key(run["key"])
    try:
        folder = list_folder(run["bucket"], drop.prefix, run["key"], s3=s3)
    except BadDropError:
        return _changed(run, drop, "it is over the limits by now")
    if folder.sha256 == inspected["folder_sha256"]:
        return {"changed": False, "reason": None, "advice": None}
    name = printable(folder.newest_change[0], 100) if folder.newest_change else ""
    return _changed(run, drop, f"the newest change is at '{name}'")


def _changed(run: Mapping[str, Any], drop: Drop, what: str) -> dict[str, Any]:
    folder = printable(S3Uri(run["bucket"], drop.prefix), 300)
    consequence = "so the model of what was there is not released"
    return {
        "changed": True,
        "reason": f"{folder} changed after it was inspected ({what}), {consequence}",
        "advice": f"when it is complete, begin a run: dropserve run --key {shlex.quote(run['key'])}",
    }
