"""What lies in a dataset channel: its layout, and the hash of every photo; content says what a photo is."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from drops.groups import find_groups_file, guess_groups, read_groups
from drops.layout import Candidate, Layout, read_layout
from drops.names import has_photo_suffix
from drops.photo_formats import SIGNATURE_BYTES, photo_format, unread_format, why_unread
from drops.problems import BadDropError, listed
from drops.text import printable
from training.data.photo_source import PhotoSource
from training.data.preprocessing import PhotoError
from training.failures import DatasetError
from training.job.stop_signal import StopSignal

_HASHED_TOGETHER = 64


@dataclass(frozen=True)
class Excluded:
    """A photo that is left out, and why."""

    name: str
    reason: str


def read_channel_layout(source: PhotoSource, inspected_sha256: str | None) -> Layout:
    """Raises DatasetError when the layout is unclear, not what was inspected, or without photos."""
    try:
        layout = read_layout(source.entries(), source.read_start)
    except (BadDropError, PhotoError) as bad:
        raise DatasetError(str(bad)) from bad
    if inspected_sha256 and layout.sha256 != inspected_sha256:
        raise DatasetError(
            "the files, classes or splits of the dataset are not those that were inspected: files were "
            "added, removed or renamed since; drop the dataset again, and leave it alone until its run has "
            "ended"
        )
    if not layout.candidates:
        raise DatasetError(
            "the dataset has no class folders with photos in them; the README shows the layout"
        )
    lost = [path for path, label in layout.empty.items() if label not in layout.counts]
    if lost:
        raise DatasetError(
            f"class folders without a file: {listed(lost)}; put photos into them, or leave the folders out"
        )
    return layout


def read_channel_groups(source: PhotoSource, layout: Layout) -> dict[str, str]:
    """The scene of each photo that has one, by groups.csv, else by the photos' names.

    Raises DatasetError when groups.csv cannot be followed.
    """
    groups_file = find_groups_file(layout.others)
    if groups_file is None:
        return guess_groups(layout.candidates)
    try:
        return read_groups(source.read_start, groups_file, layout.candidates)
    except (BadDropError, PhotoError) as bad:
        raise DatasetError(str(bad)) from bad


def check_no_class_is_lost(layout: Layout, hashes: dict[str, str], failures: list[Excluded]) -> None:
    """Raises DatasetError when a class folder has no readable photo."""
    left = {candidate.label for candidate in layout.candidates if candidate.name in hashes}
    lost = [label for label in layout.counts if label not in left]
    if lost:
        why = f": {list_excluded(failures, 3)}" if failures else ""
        raise DatasetError(
            f"class folders in which no file can be read as a photo: {listed(lost)}{why}; put photos into "
            "them, or leave the folders out"
        )


def hash_photos(
    source: PhotoSource, candidates: list[Candidate], threads: int, stop: StopSignal
) -> tuple[dict[str, str], list[Excluded]]:
    """SHA-256 by name, and the photos that cannot be read. What only lies beside the photos is in neither.

    Raises StoppedError when told to stop.
    """

    def hash_one(candidate: Candidate) -> str | Excluded | None:
        stop.check()
        try:
            return _hash_photo(source, candidate.name)
        except PhotoError as error:
            return Excluded(candidate.name, printable(error))

    # Many to a task: a small photo takes no longer than handing it to a thread.
    tasks = [
        candidates[start : start + _HASHED_TOGETHER] for start in range(0, len(candidates), _HASHED_TOGETHER)
    ]
    with ThreadPoolExecutor(threads) as pool:
        results = [
            result for task in pool.map(lambda task: list(map(hash_one, task)), tasks) for result in task
        ]
    hashes = {
        candidate.name: result
        for candidate, result in zip(candidates, results, strict=True)
        if isinstance(result, str)
    }
    return hashes, [result for result in results if isinstance(result, Excluded)]


def _hash_photo(source: PhotoSource, name: str) -> str | None:
    """SHA-256 of a photo's bytes; None for a file that neither is a photo nor is named as one.

    Raises PhotoError when a file that should be a photo is none.
    """
    if not has_photo_suffix(name):
        # A film or a table beside the photos may be large: its start is enough.
        head = source.read_start(name, SIGNATURE_BYTES)
        if not photo_format(head) and not unread_format(head):
            return None
    content = source.read(name)
    head = content[:SIGNATURE_BYTES]
    if not photo_format(head):
        raise PhotoError(why_unread(head))
    return hashlib.sha256(content).hexdigest()


def list_excluded(excluded: list[Excluded], limit: int = 10) -> str:
    """The first of them and why, for a sentence."""
    lines = [f"{printable(item.name)} ({item.reason})" for item in excluded[:limit]]
    more = len(excluded) - limit
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")
