"""The labelled photos of a run in three splits. A photo's bytes, not its name, decide where it goes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from errors import DatasetError
from layout import Place, read_layout
from photo_source import PhotoSource
from preprocessing import PhotoError
from settings import Cut
from stop import StopSignal

SPLITS = ("train", "valid", "test")
MAX_UNREADABLE_SHARE = 0.2
MIN_CLASSES = 2
# One each for training, for validation and for the test.
MIN_PHOTOS_PER_CLASS = 3
_HASHED_TOGETHER = 64


@dataclass(frozen=True)
class Photo:
    """A photo's name in its source, its class as an index, and the SHA-256 of its bytes."""

    name: str
    label: int
    sha256: str


@dataclass(frozen=True)
class Excluded:
    """A photo that is left out, and why."""

    name: str
    reason: str


@dataclass
class Dataset:
    """Classes in sorted order, photos by split (sorted by class, then by hash), and what was left out."""

    classes: list[str]
    splits: dict[str, list[Photo]]
    excluded: list[Excluded] = field(default_factory=list)
    unreadable: int = 0

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
        names = {failure.name for failure in failed}
        self.splits = {
            split: [photo for photo in photos if photo.name not in names]
            for split, photos in self.splits.items()
        }
        self.excluded += failed
        self.unreadable += len(failed)
        self.check()

    def check(self) -> None:
        """Raises DatasetError when too many photos are unreadable, or when a class cannot be trained on."""
        total = self.image_count + self.unreadable
        if self.unreadable > MAX_UNREADABLE_SHARE * total:
            raise DatasetError(
                f"{self.unreadable} of {total} photos cannot be read, more than "
                f"{MAX_UNREADABLE_SHARE:.0%}: {_listed(self.excluded)}"
            )
        trained = {photo.label for photo in self.splits["train"]}
        untrained = [name for label, name in enumerate(self.classes) if label not in trained]
        if untrained:
            raise DatasetError(f"no photo to train on is left in the classes: {', '.join(untrained[:10])}")
        for split in ("valid", "test"):
            if not self.splits[split]:
                raise DatasetError(f"no photo is left in the {split} split; add photos")


def load_dataset(source: PhotoSource, cut: Cut, *, threads: int, stop: StopSignal | None = None) -> Dataset:
    """Read every photo once for its hash, settle the splits, and leave out copies.

    Raises DatasetError when the layout is unclear, a class has too few photos, or too many are unreadable;
    StoppedError when told to stop.
    """
    places, strays = read_layout(source.names())
    excluded = [Excluded(name, "lies in no class folder") for name in strays]
    hashes, failures = _hash_all(source, places, threads, stop or StopSignal())
    places = [place for place in places if place.name in hashes]
    places, copies = _without_copies(places, hashes)
    classes = sorted({place.label for place in places})
    if len(classes) < MIN_CLASSES:
        raise DatasetError(
            f"the dataset has {len(classes)} class(es) with readable photos ({', '.join(classes)}); "
            f"a classifier needs at least {MIN_CLASSES}"
        )
    places = _settle_splits(places, hashes, cut)
    places, leaks = _without_leaks(places, hashes)
    splits = _by_split(places, hashes, classes)
    dataset = Dataset(classes, splits, excluded + failures + copies + leaks, unreadable=len(failures))
    dataset.check()
    return dataset


def _hash_all(
    source: PhotoSource, places: list[Place], threads: int, stop: StopSignal
) -> tuple[dict[str, str], list[Excluded]]:
    def hash_one(place: Place) -> str | Excluded:
        stop.check()
        try:
            return hashlib.sha256(source.read(place.name)).hexdigest()
        except PhotoError as error:
            return Excluded(place.name, str(error))

    # Many to a task: a small photo takes no longer than handing it to a thread.
    tasks = [places[start : start + _HASHED_TOGETHER] for start in range(0, len(places), _HASHED_TOGETHER)]
    with ThreadPoolExecutor(threads) as pool:
        results = [
            result for task in pool.map(lambda task: list(map(hash_one, task)), tasks) for result in task
        ]
    hashes = {
        place.name: result for place, result in zip(places, results, strict=True) if isinstance(result, str)
    }
    return hashes, [result for result in results if isinstance(result, Excluded)]


def _without_copies(places: list[Place], hashes: dict[str, str]) -> tuple[list[Place], list[Excluded]]:
    """One photo of each content within a class and split."""
    first: dict[tuple[str | None, str, str], str] = {}
    kept, copies = [], []
    for place in places:
        original = first.setdefault((place.split, place.label, hashes[place.name]), place.name)
        if original == place.name:
            kept.append(place)
        else:
            copies.append(Excluded(place.name, f"the same photo as {original}"))
    return kept, copies


def _settle_splits(places: list[Place], hashes: dict[str, str], cut: Cut) -> list[Place]:
    """Cut the splits that are missing from the train photos, class by class.

    Within a class the photos are ordered by a hash of the seed and their bytes, so that names play no part
    and a dataset that grows keeps nearly all its test photos in the test.
    """
    shares = {"valid": cut.valid_share, "test": cut.test_share}
    given = {place.split for place in places}
    missing = [split for split in ("test", "valid") if split not in given]
    pool = [place for place in places if place.split in {None, "train"}]
    settled = [place for place in places if place.split not in {None, "train"}]
    for label, photos in sorted(_by_label(pool).items()):
        needed = MIN_PHOTOS_PER_CLASS - 2 + len(missing)
        if len(photos) < needed:
            raise DatasetError(
                f"the class {label!r} has {len(photos)} photo(s) to train on; it needs at least {needed}"
            )
        ordered = sorted(photos, key=lambda place: _shuffled(cut.seed, hashes[place.name]))
        start = 0
        for split in missing:
            count = max(1, round(shares[split] * len(photos)))
            settled += [replace(place, split=split) for place in ordered[start : start + count]]
            start += count
        settled += [replace(place, split="train") for place in ordered[start:]]
    return settled


def _shuffled(seed: int, sha256: str) -> str:
    return hashlib.sha256(f"{seed} {sha256}".encode()).hexdigest()


def _by_label(places: list[Place]) -> dict[str, list[Place]]:
    groups: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        groups[place.label].append(place)
    return groups


def _without_leaks(places: list[Place], hashes: dict[str, str]) -> tuple[list[Place], list[Excluded]]:
    """A photo of the test is in no other split, and one of the validation is not trained on."""
    kept: list[Place] = []
    leaks: list[Excluded] = []
    taken: dict[str, Place] = {}
    for split in ("test", "valid", "train"):
        group = [place for place in places if place.split == split]
        for place in group:
            other = taken.get(hashes[place.name])
            if other is None:
                kept.append(place)
            else:
                leaks.append(
                    Excluded(place.name, f"the same photo as {other.name} of the {other.split} split")
                )
        taken |= {hashes[place.name]: place for place in group if hashes[place.name] not in taken}
    return kept, leaks


def _by_split(places: list[Place], hashes: dict[str, str], classes: list[str]) -> dict[str, list[Photo]]:
    index = {label: number for number, label in enumerate(classes)}
    splits: dict[str, list[Photo]] = {split: [] for split in SPLITS}
    for place in places:
        assert place.split is not None  # noqa: S101 - settled above
        splits[place.split].append(Photo(place.name, index[place.label], hashes[place.name]))
    return {
        split: sorted(photos, key=lambda photo: (photo.label, photo.sha256))
        for split, photos in splits.items()
    }


def _listed(excluded: list[Excluded], limit: int = 10) -> str:
    lines = [f"{item.name} ({item.reason})" for item in excluded[:limit]]
    more = len(excluded) - limit
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")
