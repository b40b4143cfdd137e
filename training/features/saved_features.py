"""Batches of features in the checkpoint folder, so that an interrupted pass goes on where it was."""

from collections.abc import Iterator

from training.features.feature_file import Batch
from training.job.checkpoints import Checkpoints


class SavedFeatures:
    """The batches of one split, in files of some batches each: a file that is written is never changed."""

    def __init__(self, checkpoints: Checkpoints, split: str) -> None:
        self._checkpoints = checkpoints
        self._split = split
        self._next_part = 0
        self._pending: list[Batch] = []

    def load(self) -> Iterator[Batch]:
        """The batches that were saved, from the first on without a gap."""
        while state := self._checkpoints.load(self._part()):
            saved = zip(*(state[name] for name in ("outputs", "failures", "looks", "embedded")), strict=True)
            for outputs, failures, looks, embedded in saved:
                yield Batch(outputs, [(name, reason) for name, reason in failures], looks, embedded)
            self._next_part += 1

    def add(self, batch: Batch) -> None:
        """Take the next batch; it is written with others when a save is due."""
        if not self._checkpoints.enabled:
            return
        self._pending.append(batch)
        if self._checkpoints.due():
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._pending:
            return
        state = {
            "outputs": [batch.outputs for batch in self._pending],
            "failures": [[list(failure) for failure in batch.failures] for batch in self._pending],
            "looks": [batch.looks for batch in self._pending],
            "embedded": [batch.embedded for batch in self._pending],
        }
        self._checkpoints.save(self._part(), state)
        self._pending = []
        self._next_part += 1

    def _part(self) -> str:
        return f"features-{self._split}-{self._next_part:06d}"
