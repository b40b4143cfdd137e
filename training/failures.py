"""Faults that a person can fix: the message says what was wrong, where, and what to do."""

from drops.text import printable


class TrainingError(Exception):
    """The root of every error that training raises on purpose."""


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
