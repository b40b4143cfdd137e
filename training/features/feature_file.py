"""Features on disk instead of in memory: 100 000 photos of 2048 features are 0.8 GB for each view.

Rows are read with pread, not through a memory map: pages of a map count as the process's memory, and with
large folios the kernel maps far more of them around each row than is read.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

import numpy as np
import torch

_CHUNK_BYTES = 16 << 20
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Batch:
    """Outputs (n, views, width) of a batch's photos, name and reason of those that failed, and more.

    Looks (n, LOOK_WIDTH), as doctor/looks.py makes them, and embeddings (m, width) of some of the photos, as
    export/embedding.py makes them, are there where the part wants them.
    """

    outputs: torch.Tensor
    failures: list[tuple[str, str]]
    looks: torch.Tensor = field(default_factory=lambda: torch.empty(0, 0))
    embedded: torch.Tensor = field(default_factory=lambda: torch.empty(0, 0))


class FeatureFile:
    """Rows (views, width) of float32 in a temporary file without a name, which ends with the process."""

    def __init__(self) -> None:
        # It lives as long as this object.
        self._file = cast("BinaryIO", tempfile.TemporaryFile(prefix="features-", buffering=0))  # noqa: SIM115
        self._row_shape: tuple[int, int] = (0, 0)
        self._count = 0

    def keep(self, rows: torch.Tensor) -> "FeatureFile":
        """A file with only the rows where `rows` (N,) is true."""
        file = FeatureFile()
        start = 0
        for chunk in self.chunks():
            file.append(chunk[rows[start : start + len(chunk)]])
            start += len(chunk)
        return file

    @classmethod
    def of(cls, rows: torch.Tensor) -> "FeatureFile":
        """A file with these rows (N, views, width)."""
        file = cls()
        file.append(rows)
        return file

    def __len__(self) -> int:
        return self._count

    @property
    def views(self) -> int:
        """Views of each photo."""
        return self._row_shape[0]

    @property
    def width(self) -> int:
        """Features of a view."""
        return self._row_shape[1]

    def append(self, rows: torch.Tensor) -> None:
        """Add rows (n, views, width) at the end. Raises OSError when the disk is full."""
        if not len(rows):
            return
        self._row_shape = (rows.shape[1], rows.shape[2])
        content = memoryview(rows.contiguous().numpy().tobytes())
        while content:
            content = content[self._file.write(content) :]
        self._count += len(rows)

    def gather(self, rows: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
        """Features (n, width) of the given rows (n,), each in its view of `views` (n,)."""
        features = np.empty((len(rows), self.width), np.float32)
        for place, number in enumerate((rows * self.views + views).tolist()):
            features[place] = self._read(number * self.width, self.width)
        return torch.from_numpy(features)

    def chunks(self) -> Iterator[torch.Tensor]:
        """All rows in order, some megabytes (n, views, width) at a time."""
        floats_per_row = self.views * self.width
        step = max(1, _CHUNK_BYTES // max(1, floats_per_row * _FLOAT_BYTES))
        for start in range(0, self._count, step):
            count = min(step, self._count - start)
            floats = self._read(start * floats_per_row, count * floats_per_row)
            yield torch.from_numpy(floats.reshape(count, *self._row_shape).copy())

    def _read(self, start: int, count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """`count` numbers from the one at `start` on; not to be written to."""
        content = os.pread(self._file.fileno(), count * _FLOAT_BYTES, start * _FLOAT_BYTES)
        return np.frombuffer(content, np.float32)
