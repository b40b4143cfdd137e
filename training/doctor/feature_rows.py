"""The features of all photos that have some, as vectors of length 1, some at a time."""

from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from training.features.feature_file import FeatureFile
from training.features.standardising import mean_and_deviation


class FeatureRows:
    """The whole photos' features of several files, each feature standardised over all of them."""

    def __init__(self, files: Sequence[FeatureFile]) -> None:
        self._files = [file for file in files if len(file)]
        self._mean, self._deviation = mean_and_deviation(self._raw, self.width)

    def __len__(self) -> int:
        return sum(map(len, self._files))

    @property
    def width(self) -> int:
        """Features of a photo."""
        return self._files[0].width if self._files else 0

    def chunks(self) -> Iterator[tuple[slice, torch.Tensor]]:
        """Which rows these are, and the rows (n, width)."""
        start = 0
        for chunk in self._raw():
            rows = functional.normalize((chunk - self._mean) / self._deviation, dim=1)
            yield slice(start, start + len(rows)), rows
            start += len(rows)

    def take(self, wanted: torch.Tensor) -> torch.Tensor:
        """The rows (n, width) of these numbers, which rise."""
        parts = [
            chunk[wanted[(wanted >= rows.start) & (wanted < rows.stop)] - rows.start]
            for rows, chunk in self.chunks()
        ]
        return torch.cat(parts)

    def _raw(self) -> Iterator[torch.Tensor]:
        return (chunk[:, 0] for file in self._files for chunk in file.chunks())
