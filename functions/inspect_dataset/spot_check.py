"""Reads the first bytes of some files in class folders: which are photos, and does each class have any?

Not every file can be read for an inspection. What is read: photos by their suffix, evenly over each class;
every file of another suffix, up to a bound; more of a class in which no photo was found yet.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import PurePosixPath

from drops.layout import Candidate, Layout
from drops.names import has_photo_suffix
from drops.photo_formats import (
    FORMATS_SENTENCE,
    SIGNATURE_BYTES,
    UNREAD_FORMATS,
    photo_format,
    unread_format,
)
from drops.problems import Problem, error, listed, warning
from drops.zip_safety.members import MemberError, ZipDrop

# Photos by their suffix that are looked at in all, and in one class at most; one in each class at least.
SAMPLES = 16
SAMPLES_PER_CLASS = 8
# Files of other suffixes that are looked at in all.
MAX_UNUSUAL = 256
# Where a class has shown no photo so far, this many of its files are looked at.
MAX_TRIES_PER_CLASS = 16
# Reads of S3 in all, at some 20 ms each: the function has 15 minutes. What is left unseen, training refuses.
MAX_READS = 10_000

ReadStart = Callable[[str], bytes]


@dataclass
class SpotCheck:
    """How many files were looked at, and what was found.

    `bad`: named as photos, but none. `not_photos`: named otherwise, and none, whether looked at or taken for
    none by their suffix. `unread`: names by format. `lost`: classes in which no photo was found.
    """

    checked: int = 0
    sampled: int = 0
    bad: list[str] = field(default_factory=list)
    not_photos: set[str] = field(default_factory=set)
    unread: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    lost: list[str] = field(default_factory=list)

    def problems(self) -> list[Problem]:
        """A format that is not read, a class without a photo, or half of the sample bad refuses the drop;
        fewer are a warning, for training leaves such files out.
        """
        found = [
            error("unread_format", f"{UNREAD_FORMATS[name]} ({listed(names)})", names)
            for name, names in sorted(self.unread.items())
        ]
        if self.bad:
            text = f"{len(self.bad)} of {self.sampled} photos looked at are no images ({listed(self.bad)})"
            half = 2 * len(self.bad) >= self.sampled
            found.append(
                error("not_images", f"{text}: check how they were made, and drop them again", self.bad)
                if half
                else warning("some_not_images", f"{text}; training leaves such files out", self.bad)
            )
        if self.lost:
            found.append(
                error(
                    "class_without_photos",
                    f"class folders in which no photo was found: {listed(self.lost)}; photos are "
                    f"{FORMATS_SENTENCE}, told by their content; put some in, or leave the folders out",
                    self.lost,
                )
            )
        return found


def check_contents(layout: Layout, read_start: ReadStart) -> SpotCheck:
    """Looks at files of every class; `read_start(name)` gives the first SIGNATURE_BYTES bytes of one."""
    usual: dict[str, list[Candidate]] = defaultdict(list)
    unusual: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in layout.candidates:
        (usual if has_photo_suffix(candidate.name) else unusual)[candidate.label].append(candidate)
    labels = list(layout.counts)
    look = _Look(read_start)
    per_class = min(SAMPLES_PER_CLASS, max(1, SAMPLES // max(1, len(labels))))
    for label in labels:
        look.at(_spread(usual[label], per_class))
    by_turns = [file for turn in zip_longest(*unusual.values()) for file in turn if file]
    look.at(by_turns[:MAX_UNUSUAL])
    for label in labels:
        tried = _spread(usual[label], MAX_TRIES_PER_CLASS) + _spread(unusual[label], MAX_TRIES_PER_CLASS)
        if not look.finds_one(tried, label):
            look.found.lost.append(label)
    look.found.not_photos |= look.presumed_none(by_turns)
    return look.found


class _Look:
    """What was looked at so far; no file is read twice."""

    def __init__(self, read_start: ReadStart) -> None:
        self.found = SpotCheck()
        self._read_start = read_start
        self._is_photo: dict[str, bool] = {}
        self._proven: set[str] = set()

    def at(self, candidates: Sequence[Candidate]) -> None:
        for candidate in candidates:
            if candidate.name not in self._is_photo and self.found.checked < MAX_READS:
                self._is_photo[candidate.name] = self._one(candidate)

    def finds_one(self, candidates: Sequence[Candidate], label: str) -> bool:
        """Whether a class has shown a photo, or shows one now; taken on trust when the reads are used up."""
        for candidate in candidates:
            if label in self._proven:
                break
            self.at([candidate])
        return label in self._proven or self.found.checked >= MAX_READS

    def presumed_none(self, unusual: Sequence[Candidate]) -> set[str]:
        """Files that were not looked at are what most of their suffix turned out to be."""
        votes: Counter[str] = Counter()
        for name, is_photo in self._is_photo.items():
            votes[_suffix(name)] += 1 if is_photo else -1
        return {
            file.name
            for file in unusual
            if file.name not in self._is_photo and votes[_suffix(file.name)] <= 0
        }

    def _one(self, candidate: Candidate) -> bool:
        head = self._read_start(candidate.name)
        self.found.checked += 1
        usual = has_photo_suffix(candidate.name)
        self.found.sampled += usual
        if photo_format(head):
            self._proven.add(candidate.label)
            return True
        if unread := unread_format(head):
            self.found.unread[unread].append(candidate.name)
        elif usual:
            self.found.bad.append(candidate.name)
        else:
            self.found.not_photos.add(candidate.name)
        return False


def zip_reader(archive: ZipDrop) -> ReadStart:
    """Reads the start of a member; a damaged one gives no bytes, and so is no image."""

    def read_start(name: str) -> bytes:
        try:
            return archive.read_start(name, SIGNATURE_BYTES)
        except MemberError:
            return b""

    return read_start


def _spread(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """At most `count` of them, evenly spread."""
    return list(candidates[:: max(1, -(-len(candidates) // count))])


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
