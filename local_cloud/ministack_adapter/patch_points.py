"""Checked access to the private names of ministack."""

import inspect
from importlib.metadata import version
from types import ModuleType
from typing import Any

SUPPORTED_VERSION = "1.5.33"


class UnsupportedMinistackError(Exception):
    """The installed ministack is not the one that this server is made for."""


def check_version() -> None:
    """Raises UnsupportedMinistackError when another version is installed."""
    installed = version("ministack")
    if installed != SUPPORTED_VERSION:
        raise UnsupportedMinistackError(
            f"ministack {installed} is installed, this server is made for {SUPPORTED_VERSION}: "
            f"install ministack=={SUPPORTED_VERSION}"
        )


def take(owner: ModuleType | type, name: str, *parameters: str) -> Any:
    """The value of a private name, once it is there and takes exactly `parameters`, when any are named."""
    point = f"{getattr(owner, '__name__', owner)}.{name}"
    if not hasattr(owner, name):
        raise UnsupportedMinistackError(_complaint(point, "is missing"))
    value = getattr(owner, name)
    if parameters:
        actual = tuple(inspect.signature(value).parameters)
        if actual != parameters:
            raise UnsupportedMinistackError(_complaint(point, f"takes {actual}, not {parameters}"))
    return value


def replace(owner: ModuleType | type, name: str, new: Any, *parameters: str) -> Any:
    """Puts `new` in the place of a private name; gives the original."""
    original = take(owner, name, *parameters)
    setattr(owner, name, new)
    return original


def take_entry(owner: ModuleType, table: str, key: str) -> Any:
    """An entry of a private dictionary, once it is there."""
    entries = take(owner, table)
    if key not in entries:
        raise UnsupportedMinistackError(_complaint(f"{owner.__name__}.{table}[{key!r}]", "is missing"))
    return entries[key]


def replace_entry(owner: ModuleType, table: str, key: str, new: Any) -> Any:
    """Puts `new` in the place of an entry of a private dictionary; gives the original."""
    original = take_entry(owner, table, key)
    getattr(owner, table)[key] = new
    return original


def edit_text(owner: ModuleType, name: str, old: str, new: str) -> None:
    """Replaces a piece of a private text; the piece must be there exactly once."""
    text = take(owner, name)
    if text.count(old) != 1:
        raise UnsupportedMinistackError(_complaint(f"{owner.__name__}.{name}", f"does not hold {old!r} once"))
    setattr(owner, name, text.replace(old, new))


def _complaint(point: str, fault: str) -> str:
    return (
        f"{point} {fault}: this server is made for ministack {SUPPORTED_VERSION}; "
        f"install that version, or change local_cloud/ministack_adapter with the new one"
    )
