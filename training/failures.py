"""Faults that a person can fix: the message says what was wrong, where, and what to do."""

import errno
import shutil
from collections.abc import Iterable
from pathlib import Path

from contracts.training_job import disk_full_sentence
from drops.text import printable

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
# A disk with less room than this is full: files take whole blocks.
_FULL_BYTES = 64 * 1024


class TrainingError(Exception):
    """The root of every error that training raises on purpose."""


class DiskFullError(TrainingError):
    """There is no room for what the training writes."""


def explained(error: Exception, folders: Iterable[Path]) -> Exception:
    """A DiskFullError in the place of one that a full disk below `folders` has led to; any other as it is.

    Libraries that write by themselves, such as torch, raise errors of their own, without a number.
    """
    by_number = isinstance(error, OSError) and error.errno in _DISK_FULL
    if isinstance(error, TrainingError) or not (by_number or any(map(_is_full, folders))):
        return error
    return DiskFullError(disk_full_sentence(error))


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL_BYTES
    except OSError:
        return False


def describe_error(error: Exception) -> str:
    """One sentence on why a run ended, on one line, whatever names stand in it."""
    text = str(error) if isinstance(error, TrainingError) else f"unexpected {type(error).__name__}: {error}"
    return printable(text)


class ArgumentError(TrainingError):
    """A hyperparameter or a folder given to train.py is unknown or out of range."""


class DatasetError(TrainingError):
    """The drop cannot be trained on: unreadable archive, unclear layout, too few or too many bad photos."""


class WeightsError(TrainingError):
    """The pretrained weights are missing or belong to another backbone."""
