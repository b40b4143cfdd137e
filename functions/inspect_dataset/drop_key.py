"""Which drop an S3 key stands for: a zip, or a folder by its marker."""

from dataclasses import dataclass
from typing import Literal

from drops.text import is_unsafe, printable
from functions.inspect_dataset.problems import BadDropError

PREFIX = "drops/"
MARKER = "/_SUCCESS"


@dataclass(frozen=True)
class Drop:
    """A drop by its key; `prefix` is where a folder's images are (empty for a zip)."""

    dataset: str
    format: Literal["zip", "folder"]
    prefix: str = ""


def read_drop_key(key: str) -> Drop:
    """The drop that a key names. The key is taken as it is: EventBridge does not encode keys.

    Raises BadDropError when it is neither `drops/<dataset>.zip` nor `drops/<dataset>/_SUCCESS`, or when a
    character of it could not be shown.
    """
    if any(map(is_unsafe, key)):
        raise BadDropError(
            "unsafe_name",
            f"the name {printable(key, 300)} has line ends, control or invisible characters in it: drop the "
            "dataset again under a name without them",
            [printable(key, 300)],
        )
    path = key.removeprefix(PREFIX)
    if path != key:
        if path.lower().endswith(".zip") and path[:-4].strip("/"):
            return Drop(path[:-4], "zip")
        if path.endswith(MARKER) and path.removesuffix(MARKER).strip("/"):
            return Drop(path.removesuffix(MARKER), "folder", key.removesuffix("_SUCCESS"))
    raise BadDropError(
        "not_a_drop",
        f"{key!r} is not a drop: put the dataset at {PREFIX}<dataset>.zip, "
        f"or in the folder {PREFIX}<dataset>/ and finish it with the marker {PREFIX}<dataset>{MARKER}",
        [key],
    )
