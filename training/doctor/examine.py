"""All that the doctor looks for, in one go over features and looks."""

from collections import Counter
from collections.abc import Iterator

import torch

from drops.limits import TINY_CLASS_IMAGES
from training.doctor.feature_rows import FeatureRows
from training.doctor.findings import (
    ClassFinding,
    Examined,
    ExaminedPhoto,
    Findings,
    PhotoFinding,
)
from training.doctor.kinds import CLASS_KINDS, PHOTO_KINDS
from training.doctor.label_errors import LabelScores, score_labels
from training.doctor.looks import thumbnails
from training.doctor.near_duplicates import Pair, find_near_duplicates
from training.doctor.neighbours import Neighbours, find_neighbours
from training.doctor.out_of_fold import head_probabilities
from training.doctor.photo_quality import find_poor_photos, robust_deviations_below

# Fewer photos say nothing of each other.
MIN_PHOTOS = 20
_OUTLIER_BELOW = 4.0
# The share of both classes' photos that are taken for the other; a coin would give a half.
_CONFUSED_FROM = 0.3
# Which photo of a pair stays where it is: what is measured on stays so.
_STAYS = {"test": 2, "valid": 1, "train": 0}


def examine(examined: Examined, seed: int) -> Findings:
    """What is probably wrong with the photos, their labels and their classes."""
    photos = [*_find_duplicates(examined), *_find_crossing_scenes(examined), *find_poor_photos(examined)]
    classes = list(_find_small_classes(examined))
    if examined.featured >= MIN_PHOTOS:
        labels, class_count = examined.labels[: examined.featured], len(examined.classes)
        rows = FeatureRows(examined.files)
        neighbours = find_neighbours(rows, labels, class_count)
        by_head = head_probabilities(rows, labels, class_count, seed)
        scores = score_labels(by_head, neighbours.votes, labels)
        photos += [*_find_label_errors(examined, scores), *_find_outliers(neighbours)]
        classes += _find_confusable(examined, labels, scores)
    class_kinds = list(CLASS_KINDS)
    classes.sort(key=lambda each: (class_kinds.index(each.kind), -each.score, each.classes))
    return Findings(in_order(photos), classes)


def in_order(photos: list[PhotoFinding]) -> list[PhotoFinding]:
    """By kind, and the surest of each first."""
    kinds = list(PHOTO_KINDS)
    return sorted(photos, key=lambda each: (kinds.index(each.kind), -each.score, each.row))


def _find_label_errors(examined: Examined, scores: LabelScores) -> Iterator[PhotoFinding]:
    for error in scores.errors():
        own, other = (
            examined.classes[label] for label in (examined.photos[error.row].label, error.suggested)
        )
        chance = float(scores.probabilities[error.row, error.suggested])
        why = f"by the other photos it is {other} ({chance:.0%}) rather than {own}"
        if examined.photos[error.row].split == "test":
            why += ": an accuracy measured with it may be misstated"
        yield PhotoFinding("label_error", "relabel", error.row, error.score, why, suggested=error.suggested)


def _find_outliers(neighbours: Neighbours) -> Iterator[PhotoFinding]:
    below = robust_deviations_below(neighbours.likeness, neighbours.likeness)
    for row in (below > _OUTLIER_BELOW).nonzero().flatten().tolist():
        why = f"its nearest photos are {below[row]:.1f} deviations farther than those of the median photo"
        yield PhotoFinding("outlier", "keep", row, min(1.0, float(below[row]) / (2 * _OUTLIER_BELOW)), why)


def _find_duplicates(examined: Examined) -> Iterator[PhotoFinding]:
    """One finding for a photo that repeats others; the one that stays has none."""
    gone: set[int] = set()
    left = Counter(_place(photo) for photo in examined.photos)
    pairs = find_near_duplicates(thumbnails(examined.looks), examined.labels)
    for pair in sorted(pairs, key=lambda each: _importance(examined, each), reverse=True):
        goes, stays = _who_goes(examined, pair)
        if goes in gone or stays in gone:
            continue
        gone.add(goes)
        photo, other = examined.photos[goes], examined.photos[stays]
        # The last one stays: there would be nothing to train on, or to validate with.
        leaves = photo.split != other.split and left[_place(photo)] > 1
        left[_place(photo)] -= leaves
        why = f"nearly the same photo as {other.name}"
        if photo.split != other.split:
            why += f" of the {other.split} split"
        if photo.label != other.label:
            why += f", which is labelled {examined.classes[other.label]}"
        yield PhotoFinding("near_duplicate", "drop", goes, pair.similarity, why, like=stays, leaves=leaves)


def _find_crossing_scenes(examined: Examined) -> Iterator[PhotoFinding]:
    """One finding for a photo whose scene has photos in a split that is measured on more; they all stay."""
    shown: dict[str, int] = {}
    for row, photo in enumerate(examined.photos):
        other = shown.get(photo.group)
        if photo.group and (other is None or _STAYS[photo.split] > _STAYS[examined.photos[other].split]):
            shown[photo.group] = row
    for row, photo in enumerate(examined.photos):
        like = shown.get(photo.group, row)
        split = examined.photos[like].split
        if split != photo.split:
            why = f"{examined.photos[like].name} of the {split} split shows the same scene"
            yield PhotoFinding("scene_across_splits", "keep", row, 1.0, why, like=like)


def _place(photo: ExaminedPhoto) -> tuple[str, int]:
    """What must not become empty: each class in train, the other splits as a whole."""
    return photo.split, photo.label if photo.split == "train" else -1


def _importance(examined: Examined, pair: Pair) -> tuple[bool, int]:
    """Of a photo that repeats several, one of another split matters most, and of those one of the test."""
    splits = [examined.photos[row].split for row in (pair.first, pair.second)]
    return splits[0] != splits[1], max(_STAYS[split] for split in splits)


def _who_goes(examined: Examined, pair: Pair) -> tuple[int, int]:
    first, second = (examined.photos[row] for row in (pair.first, pair.second))
    if (_STAYS[first.split], second.name) >= (_STAYS[second.split], first.name):
        return pair.second, pair.first
    return pair.first, pair.second


def _find_small_classes(examined: Examined) -> Iterator[ClassFinding]:
    counts = torch.bincount(examined.labels, minlength=len(examined.classes)).tolist()
    for label, count in enumerate(counts):
        if count < TINY_CLASS_IMAGES:
            why = f"{examined.classes[label]} has {count} photos in all, fewer than {TINY_CLASS_IMAGES}"
            yield ClassFinding("few_photos", [label], 1 - count / TINY_CLASS_IMAGES, why)


def _find_confusable(examined: Examined, labels: torch.Tensor, scores: LabelScores) -> Iterator[ClassFinding]:
    """Pairs of classes of which a large share is taken for the other, out of fold."""
    class_count = len(examined.classes)
    taken = torch.zeros(class_count, class_count)
    taken.index_put_((labels, scores.probabilities.argmax(1)), torch.ones(len(labels)), accumulate=True)
    totals = torch.bincount(labels, minlength=class_count).float()
    shares = (taken + taken.T) / (totals[:, None] + totals[None]).clamp_min(1)
    for first, second in (shares.triu(1) >= _CONFUSED_FROM).nonzero().tolist():
        one, other = examined.classes[first], examined.classes[second]
        share = float(shares[first, second])
        why = f"{share:.0%} of the photos of {one} and {other} are taken for the other"
        yield ClassFinding("confusable_classes", [first, second], share, why)
