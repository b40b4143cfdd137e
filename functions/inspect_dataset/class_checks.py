"""Whether the classes of a drop can be learned, and what is worth a warning."""

from collections import Counter
from collections.abc import Mapping

from functions.inspect_dataset.layout import Layout
from functions.inspect_dataset.problems import (
    MAX_IMAGE_BYTES,
    MIN_IMAGES_PER_CLASS,
    MIN_TRAIN_IMAGES_PER_CLASS,
    SKEW_RATIO,
    TINY_CLASS_IMAGES,
    Problem,
    error,
    listed,
    warning,
)

Counts = Mapping[str, Counter[str]]


def check_classes(layout: Layout) -> list[Problem]:
    """Errors (no photos, one class, too few) and warnings (skew, tiny classes, look-alike names)."""
    counts = layout.counts
    found = [_count_problem(layout, counts), _few_problem(counts)]
    if layout.kind == "split":
        found += [_train_problem(counts), _missing_from_split(counts)]
    found += [_tiny(counts), _skew(counts), _case(counts), _unlabelled(layout), _oversized(layout)]
    return [problem for problem in found if problem]


def _count_problem(layout: Layout, counts: Counts) -> Problem | None:
    if not counts:
        where = "every photo lies outside a class folder" if layout.unlabelled else "no photo was found"
        return error(
            "no_images", f"{where}: put the photos (.jpg, .png, .webp and the like) of each class in a folder"
        )
    if len(counts) == 1:
        only = next(iter(counts))
        return error(
            "one_class",
            f"only one class was found ({only!r}), and a classifier needs two: add a folder for each class",
            [only],
        )
    return None


def _few_problem(counts: Counts) -> Problem | None:
    few = [label for label, splits in counts.items() if splits.total() < MIN_IMAGES_PER_CLASS]
    if not few:
        return None
    return error(
        "too_few_images",
        f"each class needs {MIN_IMAGES_PER_CLASS} photos, the least that can be shared out between training, "
        f"validation and test; add photos to {listed(few)}, or leave them out",
        few,
    )


def _train_problem(counts: Counts) -> Problem | None:
    few = [
        label
        for label, splits in counts.items()
        if splits["train"] < MIN_TRAIN_IMAGES_PER_CLASS and splits.total() >= MIN_IMAGES_PER_CLASS
    ]
    if not few:
        return None
    return error(
        "too_few_in_train",
        f"each class needs {MIN_TRAIN_IMAGES_PER_CLASS} photos in train/; "
        f"move some there from valid/ or test/ for {listed(few)}",
        few,
    )


def _missing_from_split(counts: Counts) -> Problem | None:
    present = {split for splits in counts.values() for split in splits}
    missing = [
        f"{split}/{label}"
        for label, splits in counts.items()
        for split in sorted(present - {"train"})
        if not splits[split]
    ]
    if not missing:
        return None
    return warning(
        "missing_from_split",
        f"class folders that are empty or missing: {listed(missing)}; those classes are not measured there",
        missing,
    )


def _tiny(counts: Counts) -> Problem | None:
    tiny = [
        label
        for label, splits in counts.items()
        if MIN_IMAGES_PER_CLASS <= splits.total() < TINY_CLASS_IMAGES
    ]
    if not tiny:
        return None
    return warning(
        "tiny_class",
        f"classes with fewer than {TINY_CLASS_IMAGES} photos: {listed(tiny)}; they will be learned badly",
        tiny,
    )


def _skew(counts: Counts) -> Problem | None:
    by_size = sorted(counts, key=lambda label: counts[label].total())
    if not by_size:
        return None
    smallest, largest = by_size[0], by_size[-1]
    few, many = counts[smallest].total(), counts[largest].total()
    if many < SKEW_RATIO * few:
        return None
    return warning(
        "skewed",
        f"the classes are uneven: {largest!r} has {many} photos and {smallest!r} has {few}; "
        "the small ones will be guessed less often",
        [largest, smallest],
    )


def _case(counts: Counts) -> Problem | None:
    by_lower: dict[str, list[str]] = {}
    for label in counts:
        by_lower.setdefault(label.casefold(), []).append(label)
    alike = [label for labels in by_lower.values() if len(labels) > 1 for label in labels]
    if not alike:
        return None
    return warning(
        "case_only",
        f"class names that differ by upper and lower case only: {listed(alike)}; each counts as a class",
        alike,
    )


def _unlabelled(layout: Layout) -> Problem | None:
    if not layout.unlabelled or not layout.images:
        return None
    names = layout.unlabelled
    return warning(
        "unlabelled_images",
        f"photos in no class folder are left out: {listed(names)}",
        names,
    )


def _oversized(layout: Layout) -> Problem | None:
    names = [image.name for image in layout.images if image.size_bytes > MAX_IMAGE_BYTES]
    if not names:
        return None
    return warning(
        "oversized_images",
        f"photos over {MAX_IMAGE_BYTES // 1024**2} MiB are left out: {listed(names)}; scale them down",
        names,
    )
