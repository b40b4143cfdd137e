"""Which local program stands for which container image or machine image: the containers file."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class ContainersFileError(Exception):
    """The containers file cannot be used: the message says what is wrong, where, and what is expected."""


@dataclass(frozen=True)
class Container:
    """A container image: the commands to run in place of its training and serving entry points."""

    image: re.Pattern[str]
    train: tuple[str, ...] | None
    serve: tuple[str, ...] | None


@dataclass(frozen=True)
class MachineImage:
    """An EC2 image: the folders that come first on the PATH of its instances."""

    image: re.Pattern[str]
    path: tuple[str, ...]


@dataclass(frozen=True)
class Containers:
    """The whole file; the first entry that matches an image stands for it."""

    containers: tuple[Container, ...] = ()
    machine_images: tuple[MachineImage, ...] = ()

    def find(self, image_uri: str) -> Container | None:
        """The entry whose pattern is found in `image_uri`, or None."""
        return next((entry for entry in self.containers if entry.image.search(image_uri)), None)

    def machine_path(self, image_id: str) -> tuple[str, ...]:
        """Folders that the machine image brings on its PATH; none for an unknown image."""
        return next((entry.path for entry in self.machine_images if entry.image.search(image_id)), ())


def read_containers(path: Path) -> Containers:
    """Reads and checks the file: {"containers": [{"image", "train", "serve"}, ...],
    "machine_images": [{"image", "path"}, ...]}. Raises ContainersFileError.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContainersFileError(f"cannot read the containers file {path}: {error.strerror}") from error
    except ValueError as error:
        raise ContainersFileError(f"the containers file {path} is not JSON: {error}") from error
    try:
        _check_keys(document, {"containers", "machine_images"}, "the top level")
        containers = [
            _container(entry, f"containers[{number}]")
            for number, entry in enumerate(_list(document, "containers"))
        ]
        machines = [
            _machine_image(entry, f"machine_images[{number}]")
            for number, entry in enumerate(_list(document, "machine_images"))
        ]
    except ContainersFileError as error:
        raise ContainersFileError(f"the containers file {path} is malformed: {error}") from error
    return Containers(tuple(containers), tuple(machines))


def _container(entry: Any, where: str) -> Container:
    _check_keys(entry, {"image", "train", "serve"}, where)
    train, serve = _words(entry, "train", where), _words(entry, "serve", where)
    if not train and not serve:
        raise ContainersFileError(f'{where} needs "train" or "serve": a list of words, the command to run')
    return Container(_pattern(entry, where), train, serve)


def _machine_image(entry: Any, where: str) -> MachineImage:
    _check_keys(entry, {"image", "path"}, where)
    return MachineImage(_pattern(entry, where), _words(entry, "path", where) or ())


def _check_keys(entry: Any, known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise ContainersFileError(f"{where} must be an object with the keys {sorted(known)}")
    unknown = sorted(set(entry) - known)
    if unknown:
        raise ContainersFileError(f"{where} has unknown keys {unknown}; known are {sorted(known)}")


def _list(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list):
        raise ContainersFileError(f'"{key}" must be a list')
    return value


def _words(entry: dict[str, Any], key: str, where: str) -> tuple[str, ...] | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise ContainersFileError(f'{where}: "{key}" must be a list of non-empty strings')
    return tuple(value) or None


def _pattern(entry: dict[str, Any], where: str) -> re.Pattern[str]:
    text = entry.get("image")
    if not isinstance(text, str) or not text:
        raise ContainersFileError(f'{where} needs "image": a regular expression for the image')
    try:
        return re.compile(text)
    except re.error as error:
        raise ContainersFileError(
            f'{where}: "image" is not a regular expression: {error}: {text!r}'
        ) from error
