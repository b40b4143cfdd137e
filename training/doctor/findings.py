"""What the doctor looks at, and what it finds of a photo or of classes."""

from dataclasses import dataclass

import torch

from drops.review import Action
from training.features.feature_file import FeatureFile


@dataclass(frozen=True)
class ExaminedPhoto:
    """A photo's name in the drop, its class as an index, its split, and its scene, if any."""

    name: str
    label: int
    split: str
    group: str = ""


@dataclass(frozen=True)
class Examined:
    """What is looked at: photos in the order of the rows, their looks (N, LOOK_WIDTH), and features.

    The first photos have the features of `files`; the others, of which there may be none, have looks alone,
    of a thumbnail.
    """

    classes: list[str]
    photos: list[ExaminedPhoto]
    looks: torch.Tensor
    files: list[FeatureFile]

    @property
    def labels(self) -> torch.Tensor:
        """Class indices (N,)."""
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.long)

    @property
    def featured(self) -> int:
        """How many photos have features."""
        return sum(map(len, self.files))


@dataclass(frozen=True)
class PhotoFinding:
    """What may be wrong with one photo. `score` ranks those of a kind; `like` is the photo that it repeats.

    `leaves` says that training leaves it out.
    """

    kind: str
    action: Action
    row: int
    score: float
    why: str
    suggested: int | None = None
    like: int | None = None
    leaves: bool = False


@dataclass(frozen=True)
class ClassFinding:
    """What may be wrong with some classes, by their indices."""

    kind: str
    classes: list[int]
    score: float
    why: str


@dataclass(frozen=True)
class Findings:
    """All of them, by kind in the order of PHOTO_KINDS and CLASS_KINDS, the surest first."""

    photos: list[PhotoFinding]
    classes: list[ClassFinding]

    @property
    def leaving(self) -> list[PhotoFinding]:
        """The photos that training leaves out."""
        return [finding for finding in self.photos if finding.leaves]
