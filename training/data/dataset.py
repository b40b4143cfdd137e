"""The labelled photos of a run in three splits. A photo's bytes, not its name, decide where it goes."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from drops.limits import MIN_CLASSES
from drops.problems import listed
from drops.splits import SPLITS
from training.data.photo_hashes import (
    Excluded,
    check_no_class_is_lost,
    hash_photos,
    list_excluded,
    read_channel_groups,
    read_channel_layout,
)
from training.data.photo_source import PhotoSource
from training.data.splitting import SourcePhoto, settle_splits
from training.failures import DatasetError
from training.job.stop_signal import StopSignal
from training.settings import SplitConfig

MAX_UNREADABLE_SHARE = 0.2


@dataclass(frozen=True)
class Photo:
    """A photo's name in its source, its class as an index, its bytes' SHA-256, and its scene, if any."""

    name: str
    label: int
    sha256: str
    group: str = ""


@dataclass
class Dataset:
    """Classes in sorted order, photos by split (sorted by class, then by hash), and what was left out.

    `given_splits` are those that came with the drop; the others were cut from it.
    """

    classes: list[str]
    splits: dict[str, list[Photo]]
    excluded: list[Excluded] = field(default_factory=list)
    unreadable: int = 0
    given_splits: frozenset[str] = frozenset()

    @property
    def image_count(self) -> int:
        """Photos in all three splits."""
        return sum(len(photos) for photos in self.splits.values())

    @property
    def test_split_sha256(self) -> str:
        """Says whether two runs were tested on the same photos under the same labels."""
        lines = sorted(f"{photo.sha256} {self.classes[photo.label]}\n" for photo in self.splits["test"])
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def drop_unreadable(self, failures: Iterable[Excluded]) -> None:
        """Take out the photos that could not be decoded. Raises DatasetError when too many are gone."""
        failed = list(failures)
        self.unreadable += len(failed)
        self.leave_out(failed)

    def leave_out(self, excluded: list[Excluded]) -> None:
        """Take these photos out of their splits. Raises DatasetError as `check` does."""
        names = {item.name for item in excluded}
        self.splits = {
            split: [photo for photo in photos if photo.name not in names]
            for split, photos in self.splits.items()
        }
        self.excluded += excluded
        self.check()

    def check(self) -> None:
        """Raises DatasetError when too many photos are unreadable, or when a class cannot be trained on."""
        total = self.image_count + self.unreadable
        if self.unreadable > MAX_UNREADABLE_SHARE * total:
            raise DatasetError(
                f"{self.unreadable} of {total} photos cannot be read, more than "
                f"{MAX_UNREADABLE_SHARE:.0%}: {list_excluded(self.excluded)}"
            )
        trained = {photo.label for photo in self.splits["train"]}
        untrained = [name for label, name in enumerate(self.classes) if label not in trained]
        if untrained:
            raise DatasetError(
                f"no photo to train on is left in the classes {listed(untrained)}: each of their photos "
                "in train cannot be read, or lies in valid or test as well, where copies are kept for "
                "measuring; add photos to train that are in no other split"
            )
        for split in ("valid", "test"):
            if not self.splits[split]:
                raise DatasetError(f"no photo is left in the {split} split; add photos")


def load_dataset(
    source: PhotoSource,
    config: SplitConfig,
    *,
    threads: int,
    stop: StopSignal | None = None,
    inspected_sha256: str | None = None,
) -> Dataset:
    """Read every photo once for its hash, settle the splits, and leave out copies.

    `inspected_sha256` is the layout's digest by the inspection: only what was inspected is trained.
    Raises DatasetError when the layout is unclear or another, a class has too few photos or none, or too many
    are unreadable; StoppedError when told to stop.
    """
    layout = read_channel_layout(source, inspected_sha256)
    excluded = [Excluded(name, "lies in no class folder") for name in layout.strays]
    hashes, failures = hash_photos(source, layout.candidates, threads, stop or StopSignal())
    check_no_class_is_lost(layout, hashes, failures)
    found = [
        SourcePhoto(candidate.name, candidate.label, candidate.split or None)
        for candidate in layout.candidates
        if candidate.name in hashes
    ]
    found, copies = _without_copies(found, hashes)
    classes = sorted({photo.label for photo in found})
    if len(classes) < MIN_CLASSES:
        raise DatasetError(
            f"the dataset has {len(classes)} class(es) with readable photos ({', '.join(classes)}); "
            f"a classifier needs at least {MIN_CLASSES}"
        )
    groups = read_channel_groups(source, layout)
    found = settle_splits(found, hashes, groups, config)
    found, leaks = _without_leaks(found, hashes)
    splits = _by_split(found, hashes, groups, classes)
    given = frozenset(candidate.split for candidate in layout.candidates if candidate.split)
    dataset = Dataset(classes, splits, excluded + failures + copies + leaks, len(failures), given)
    dataset.check()
    return dataset


def _without_copies(
    found: list[SourcePhoto], hashes: dict[str, str]
) -> tuple[list[SourcePhoto], list[Excluded]]:
    """One photo of each content within a class and split."""
    first: dict[tuple[str | None, str, str], str] = {}
    kept, copies = [], []
    for photo in found:
        original = first.setdefault((photo.split, photo.label, hashes[photo.name]), photo.name)
        if original == photo.name:
            kept.append(photo)
        else:
            copies.append(Excluded(photo.name, f"the same photo as {original}"))
    return kept, copies


def _without_leaks(
    found: list[SourcePhoto], hashes: dict[str, str]
) -> tuple[list[SourcePhoto], list[Excluded]]:
    """A photo of the test is in no other split, and one of the validation is not trained on."""
    kept: list[SourcePhoto] = []
    leaks: list[Excluded] = []
    taken: dict[str, SourcePhoto] = {}
    for split in ("test", "valid", "train"):
        group = [photo for photo in found if photo.split == split]
        for photo in group:
            other = taken.get(hashes[photo.name])
            if other is None:
                kept.append(photo)
            else:
                leaks.append(
                    Excluded(photo.name, f"the same photo as {other.name} of the {other.split} split")
                )
        taken |= {hashes[photo.name]: photo for photo in group if hashes[photo.name] not in taken}
    return kept, leaks


def _by_split(
    found: list[SourcePhoto], hashes: dict[str, str], groups: dict[str, str], classes: list[str]
) -> dict[str, list[Photo]]:
    index = {label: number for number, label in enumerate(classes)}
    splits: dict[str, list[Photo]] = {split: [] for split in SPLITS}
    for photo in found:
        assert photo.split is not None  # noqa: S101 - settled above
        group = groups.get(photo.name, "")
        splits[photo.split].append(Photo(photo.name, index[photo.label], hashes[photo.name], group))
    return {
        split: sorted(photos, key=lambda photo: (photo.label, photo.sha256))
        for split, photos in splits.items()
    }
