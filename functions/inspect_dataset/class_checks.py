"""Whether the classes of a drop can be learned, and what is worth a warning."""

from collections import Counter
from collections.abc import Mapping

from drops.layout import Layout
from drops.limits import (
    MAX_IMAGE_BYTES,
    MIN_CLASSES,
    MIN_IMAGES_PER_CLASS,
    SKEW_RATIO,
    TINY_CLASS_IMAGES,
    needed_in_train,
)
from drops.names import has_archive_suffix
from drops.photo_formats import FORMATS_SENTENCE
from drops.problems import Problem, error, listed, quoted, warning

Counts = Mapping[str, Counter[str]]


def check_classes(layout: Layout) -> list[Problem]:
    """Errors (no photos, one class, too few) and warnings (skew, tiny classes, spellings) over the photos.

    The layout holds photos alone: what is known to be none is left out of it.
    """
    counts = layout.counts
    found = [_empty(layout, counts), _count_problem(layout, counts), _strays(layout), _few_problem(counts)]
    if layout.kind == "split":
        found += [_train_problem(counts), _missing_from_split(counts)]
    found += [_tiny(counts), _skew(counts), _spellings(layout, counts), _oversized(layout), _archives(layout)]
    return [problem for problem in found if problem]


def _empty(layout: Layout, counts: Counts) -> Problem | None:
    names = [path for path, label in layout.empty.items() if label not in counts]
    if not names:
        return None
    return error(
        "empty_class",
        f"class folders without a file: {listed(names)}; put photos into them, or leave the folders out",
        names,
    )


def _count_problem(layout: Layout, counts: Counts) -> Problem | None:
    if not counts:
        where = "every photo lies outside a class folder" if layout.strays else "no photo was found"
        packed = [name for name in layout.others if has_archive_suffix(name)]
        inside = f" (archives inside the drop are not unpacked: {listed(packed)})" if packed else ""
        return error(
            "no_images",
            f"{where}{inside}: put the photos ({FORMATS_SENTENCE}) of each class in a folder of their own",
        )
    if len(counts) < MIN_CLASSES:
        only = next(iter(counts))
        return error(
            "one_class",
            f"only one class was found ({quoted(only)}), and a classifier needs two: add a folder for each "
            "class",
            [only],
        )
    return None


def _strays(layout: Layout) -> Problem | None:
    names, labelled = layout.strays, len(layout.candidates)
    if not names or not labelled:
        return None
    if len(names) - layout.strays_in_splits > labelled:
        return error(
            "mostly_unlabelled",
            f"more photos lie outside the class folders ({len(names):,}) than inside ({labelled:,}): "
            f"{listed(names)}; put each into the folder of its class, or take them out",
            names,
        )
    return warning("unlabelled_images", f"photos in no class folder are left out: {listed(names)}", names)


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
    needed = needed_in_train({split for splits in counts.values() for split in splits})
    few = [
        label
        for label, splits in counts.items()
        if splits["train"] < needed and splits.total() >= MIN_IMAGES_PER_CLASS
    ]
    if not few:
        return None
    return error(
        "too_few_in_train",
        f"each class needs {needed} photo(s) in train/; move some there from valid/ or test/ for "
        f"{listed(few)}",
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
        f"the classes are uneven: {quoted(largest)} has {many} photos and {quoted(smallest)} has {few}; "
        "the small ones will be guessed less often",
        [largest, smallest],
    )


def _spellings(layout: Layout, counts: Counts) -> Problem | None:
    names = [label for label, folders in layout.spellings.items() if len(folders) > 1 and label in counts]
    if not names:
        return None
    return warning(
        "merged_classes",
        "class folders whose names differ by blanks at the ends, or by how accents are written, are one "
        f"class: {listed(names)}",
        names,
    )


def _oversized(layout: Layout) -> Problem | None:
    names = [photo.name for photo in layout.candidates if photo.size_bytes > MAX_IMAGE_BYTES]
    if not names:
        return None
    return warning(
        "oversized_images",
        f"photos over {MAX_IMAGE_BYTES // 1024**2} MiB are left out: {listed(names)}; scale them down",
        names,
    )


def _archives(layout: Layout) -> Problem | None:
    names = [name for name in layout.others if has_archive_suffix(name)]
    if not names or not layout.candidates:
        return None
    return warning("archive_inside", f"archives inside the drop are not unpacked: {listed(names)}", names)
