"""What a run leaves for its own restart: a folder of small files, each written whole or not at all.

SageMaker copies the folder to S3 while the job runs, file by file and in no set order, and puts it back
before a restart. So a file never depends on another one being of the same age. A run saves every half minute
as well as at SIGTERM, which not every version of SageMaker's training toolkit hands on:
https://github.com/aws/sagemaker-training-toolkit/issues/125.
"""

import pickle
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.job import progress
from training.job.distributed import ProcessGroup
from training.job.stop_signal import StopSignal

SAVE_EVERY_S = 30.0
_RUN = "run"


class Checkpoints:
    """States by name in a folder; without a folder nothing is saved, and nothing is found."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._saved_at = time.monotonic()

    @property
    def enabled(self) -> bool:
        """Whether there is a folder to save to."""
        return self._folder is not None

    def open(self, fingerprint: str) -> dict[str, Any]:
        """What the interrupted run with this fingerprint noted about itself; {} where there is none.

        What another run left is removed: other photos, weights or settings would give other results.
        """
        run = self.load(_RUN)
        if run is not None and run.get("fingerprint") == fingerprint:
            return run
        if self._folder is not None:
            for path in self._folder.glob("*.pt"):
                path.unlink()
        return {}

    def describe_run(self, fingerprint: str, **notes: Any) -> None:
        """Note whose states these are."""
        self.save(_RUN, {"fingerprint": fingerprint, **notes})

    def due(self) -> bool:
        """Whether the last save is long enough ago."""
        return self.enabled and time.monotonic() - self._saved_at >= SAVE_EVERY_S

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Replace the state `name`; it holds tensors, numbers, text, lists and dicts of them."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f"{name}.unfinished"
        torch.save(state, unfinished)
        unfinished.replace(self._folder / f"{name}.pt")
        self._saved_at = time.monotonic()

    def load(self, name: str) -> dict[str, Any] | None:
        """The state `name`; None where there is none, or one that cannot be read."""
        if self._folder is None:
            return None
        path = self._folder / f"{name}.pt"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            progress.say_phase("checkpoint", unreadable=path.name, error=type(error).__name__)
            return None
        return state if isinstance(state, dict) else None


@dataclass(frozen=True)
class Session:
    """How a run is interrupted and goes on: where it saves, who tells it to stop, and who shares its work.

    By itself: nowhere and nobody.
    """

    checkpoints: Checkpoints = field(default_factory=lambda: Checkpoints(None))
    stop: StopSignal = field(default_factory=StopSignal)
    group: ProcessGroup = field(default_factory=ProcessGroup)
