"""Faults that a person can fix: the message says what was wrong, where, and what to do."""

import errno

from drops.text import printable

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class TrainingError(Exception):
    """The root of every error that training raises on purpose."""


def describe_error(error: Exception) -> str:
    """One sentence on why a run ended, on one line, whatever names stand in it."""
    if isinstance(error, TrainingError):
        return printable(str(error))
    if is_explained(error):
        return printable(f"the disk is full ({error}): make room on it, or train on fewer or smaller photos")
    return printable(f"unexpected {type(error).__name__}: {error}")


def is_explained(error: Exception) -> bool:
    """Whether the sentence on it says all that a person needs: no traceback then."""
    return isinstance(error, TrainingError) or (isinstance(error, OSError) and error.errno in _DISK_FULL)


class ArgumentError(TrainingError):
    """A hyperparameter or a folder given to train.py is unknown or out of range."""


class DatasetError(TrainingError):
    """The drop cannot be trained on: unreadable archive, unclear layout, too few or too many bad photos."""


class WeightsError(TrainingError):
    """The pretrained weights are missing or belong to another backbone."""
