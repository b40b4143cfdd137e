"""Which drop an S3 key stands for: a zip, or a folder by its marker."""

from dataclasses import dataclass
from typing import Literal

from drops.names import climbs_out, folder_fault
from drops.problems import BadDropError, quoted

PREFIX = "drops/"
# The object that says that a folder is complete: only it begins a run.
MARKER = "_SUCCESS"
ZIP_SUFFIX = ".zip"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
MAX_KEY_BYTES = 1024


@dataclass(frozen=True)
class Drop:
    """A drop by its key; `prefix` is where a folder's images are (empty for a zip).

    `team_folder` is the topmost folder below drops/ that a zip lies in; empty where it lies in none.
    """

    dataset: str
    format: Literal["zip", "folder"]
    prefix: str = ""
    team_folder: str = ""


def is_zip(key: str) -> bool:
    return key.lower().endswith(ZIP_SUFFIX)


def is_marker(key: str) -> bool:
    return key.endswith(f"/{MARKER}")


def dataset_of(key: str) -> str:
    """`drops/dogs.zip` and `drops/dogs/_SUCCESS` are both the dataset `dogs`; of any other key, its end."""
    name = key.removeprefix(PREFIX)
    if is_marker(name):
        return name.removesuffix(f"/{MARKER}")
    return name[: -len(ZIP_SUFFIX)] if is_zip(name) else name


def read_drop_key(key: str) -> Drop:
    """The drop that a key names. The key is taken as it is: EventBridge does not encode keys.

    Raises BadDropError when it is neither `drops/<dataset>.zip` nor `drops/<dataset>/_SUCCESS`; a dataset's
    name may have folders (`drops/team-a/pets.zip`), and no control or invisible characters.
    """
    _check_name(key, key)
    path = key.removeprefix(PREFIX)
    if path != key:
        dataset = dataset_of(key)
        if is_zip(path) and dataset.strip("/") and not dataset.endswith("/"):
            _check_name(key, dataset)
            top, slash, _ = path.partition("/")
            return Drop(dataset, "zip", team_folder=f"{PREFIX}{top}/" if slash else "")
        if is_marker(path) and dataset.strip("/"):
            return Drop(dataset, "folder", key.removesuffix(MARKER))
    raise BadDropError(
        "not_a_drop",
        f"{quoted(key)} is not a drop: put the dataset at {PREFIX}<dataset>{ZIP_SUFFIX}, "
        f"or in the folder {PREFIX}<dataset>/ and finish it with the marker {PREFIX}<dataset>/{MARKER}",
        [key],
    )


def _check_name(key: str, name: str) -> None:
    """A dataset's name is shown in many places. Raises BadDropError, which quotes the key."""
    faults = [
        f"has a name that {fault}" for part in name.split("/") if part and (fault := folder_fault(part))
    ]
    if climbs_out(key):
        faults.append("climbs out of its folder")
    if faults:
        raise BadDropError(
            "unsafe_key", f"the key {quoted(key)} {faults[0]}: drop it under another name", [key]
        )
