"""Splits off what a drop lacks of valid and test, class by class; photos of one scene stay together."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from drops.limits import needed_in_train
from drops.problems import quoted
from training.failures import DatasetError
from training.settings import SplitConfig


@dataclass(frozen=True)
class SourcePhoto:
    """A photo's name in its source, its class, and its split (None: still to be decided)."""

    name: str
    label: str
    split: str | None


def settle_splits(
    found: list[SourcePhoto], hashes: Mapping[str, str], groups: Mapping[str, str], config: SplitConfig
) -> list[SourcePhoto]:
    """Split off what is missing from the train photos, class by class.

    Within a class the photos are ordered by a hash of the seed and their bytes, so that names play no part
    and a dataset that grows keeps nearly all its test photos in the test. Photos of one of the `groups`, by
    name, are ordered as one, and follow those of their group in an earlier class.
    """
    shares = {"valid": config.valid_share, "test": config.test_share}
    given = {photo.split for photo in found}
    missing = [split for split in ("test", "valid") if split not in given]
    pool = [photo for photo in found if photo.split in {None, "train"}]
    settled = [photo for photo in found if photo.split not in {None, "train"}]
    sides: dict[str, str] = {}
    for label, photos in sorted(_by_label(pool).items()):
        needed = needed_in_train([split for split in given if split])
        if len(photos) < needed:
            raise DatasetError(
                f"the class {quoted(label)} has {len(photos)} photo(s) to train on, copies left out; it "
                f"needs at least {needed}: add photos"
            )
        wanted = {split: max(1, round(shares[split] * len(photos))) for split in missing}
        settled += _split_class(_units(photos, hashes, groups, config.seed, needed), wanted, sides)
    return settled


@dataclass(frozen=True)
class _Unit:
    """Photos that stay together; `group` is empty for a photo alone."""

    group: str
    photos: list[SourcePhoto]


def _units(
    photos: list[SourcePhoto], hashes: Mapping[str, str], groups: Mapping[str, str], seed: int, needed: int
) -> list[_Unit]:
    """In the order in which they are taken. Too few groups for the splits are taken apart."""
    together: dict[str, list[SourcePhoto]] = defaultdict(list)
    for photo in photos:
        together[groups.get(photo.name, "")].append(photo)
    alone = together.pop("", [])
    if len(together) + len(alone) < needed:
        together, alone = {}, photos
    units = [(_shuffled(seed, hashes[photo.name]), _Unit("", [photo])) for photo in alone]
    units += [(_shuffled(seed, f"group {group}"), _Unit(group, own)) for group, own in together.items()]
    return [unit for _, unit in sorted(units, key=lambda each: each[0])]


def _split_class(units: list[_Unit], wanted: Mapping[str, int], sides: dict[str, str]) -> list[SourcePhoto]:
    """`sides` has the split of each group that an earlier class had, and gets those of this one."""
    settled: list[SourcePhoto] = []
    taken = dict.fromkeys([*wanted, "train"], 0)

    def put(unit: _Unit, split: str) -> None:
        settled.extend(replace(photo, split=split) for photo in unit.photos)
        taken[split] += len(unit.photos)
        if unit.group:
            sides[unit.group] = split

    waiting = []
    for unit in units:
        if unit.group in sides:
            put(unit, sides[unit.group])
        else:
            waiting.append(unit)
    for number, (split, count) in enumerate(wanted.items()):
        # One for each split to come, and one to train on.
        left = len(wanted) - number
        while taken[split] < count and len(waiting) > left:
            put(waiting.pop(0), split)
    for unit in waiting:
        put(unit, "train")
    return settled


def _shuffled(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed} {key}".encode()).hexdigest()


def _by_label(found: list[SourcePhoto]) -> dict[str, list[SourcePhoto]]:
    groups: dict[str, list[SourcePhoto]] = defaultdict(list)
    for photo in found:
        groups[photo.label].append(photo)
    return groups
