"""One stage of dropserve.toml over its defaults, and command-line options over both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.training_job import Architecture
from deploy_scripts.aws import Target
from deploy_scripts.container_images.provide import ImageBuilder
from deploy_scripts.errors import CliError
from deploy_scripts.packaging.weights import existing_weights
from deploy_scripts.settings.file import find_settings, read_settings

_TARGET_KEYS = ("target", "profile", "region", "stack")
_TABLES = ("parameters", "weights")


@dataclass(frozen=True)
class Stage:
    """What a command works with. The fields but the first are the file's; None and {} where it has none.

    `given`: the keys of `target` that options gave. `sources` says where in the file a parameter of the
    template stands, by its name; `told` is one line about the stage and what it names, empty without a file.
    """

    target: Target = field(default_factory=Target)
    given: frozenset[str] = frozenset()
    parameters: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    weights: dict[str, Path] = field(default_factory=dict)
    architecture: Architecture | None = None
    image_builder: ImageBuilder | None = None
    suppressions: Path | None = None
    told: str = ""


def choose_stage(file: Path | None, name: str | None, options: Mapping[str, str | None]) -> Stage:
    """The stage `name` of the file, or its only one; `options` are those of Target that a person has given.

    `file` None is dropserve.toml of the current folder, if there is one. Raises CliError for a file that
    cannot be used, and where it does not say which stage is meant.
    """
    found = find_settings(file)
    given = {option: value for option, value in options.items() if value is not None}
    if found is None:
        if name is not None:
            raise CliError(
                f"There is no dropserve.toml here, and --stage {name} names a stage of it.",
                "Run it in the folder of dropserve.toml, or add --settings FILE.",
            )
        return Stage(_make_target(given), frozenset(given))
    document = read_settings(found)
    chosen = _stage_name(found, document.get("stages", {}), name)
    return _Merged(found, document, chosen).stage(given)


def _stage_name(file: Path, stages: Mapping[str, Any], name: str | None) -> str | None:
    """None where the file has defaults alone."""
    known = ", ".join(stages) or "none"
    if name is not None and name not in stages:
        raise CliError(f"{file} has no stage {name}; it has {known}.", "Name one of these.")
    if name is None and len(stages) > 1:
        raise CliError(f"{file} has the stages {known}.", "Say which: --stage NAME.")
    return name if name is not None else next(iter(stages), None)


class _Merged:
    """The settings of a stage over the defaults, each with the table that it stands in."""

    def __init__(self, file: Path, document: Mapping[str, Any], stage: str | None) -> None:
        self._file = file
        self._name = stage
        self._values: dict[str, Any] = {}
        self._tables: dict[str, str] = {}
        self._add("defaults", document.get("defaults", {}))
        if stage is not None:
            self._add(f"stages.{stage}", document["stages"][stage])

    def _add(self, table: str, settings: Mapping[str, Any]) -> None:
        """Parameters and weights are merged key by key."""
        for key, value in settings.items():
            if key in _TABLES:
                self._values.setdefault(key, {}).update(value)
                self._tables.update({f"{key}.{each}": f"[{table}.{key}]" for each in value})
            else:
                self._values[key] = value
                self._tables[key] = f"[{table}]"

    def stage(self, given: Mapping[str, str]) -> Stage:
        values = self._values
        own = {key: values[key] for key in _TARGET_KEYS if key in values and key not in given}
        parameters = {name: _text(value) for name, value in values.get("parameters", {}).items()}
        suppressions = values.get("suppressions")
        return Stage(
            self._target({**own, **given}, own),
            frozenset(given),
            parameters,
            {name: self._where(f"parameters.{name}") for name in parameters},
            self._weights(),
            values.get("architecture"),
            values.get("image_builder"),
            self._path(suppressions) if suppressions else None,
            self._told(own),
        )

    def _target(self, values: Mapping[str, Any], own: Mapping[str, Any]) -> Target:
        """Raises CliError for a name that no deployment can have; it says where that stands in the file."""
        try:
            return _make_target(values)
        except CliError as error:
            if "stack" not in own:
                raise
            raise CliError(f"{self._where('stack')} stack: {error.message}", error.advice) from error

    def _weights(self) -> dict[str, Path]:
        """Raises CliError for a file that is not there."""
        return {
            backbone: existing_weights(self._path(path), f"{self._where(f'weights.{backbone}')} {backbone}")
            for backbone, path in self._values.get("weights", {}).items()
        }

    def _told(self, own: Mapping[str, Any]) -> str:
        which = f"Stage {self._name} of {self._file}" if self._name else f"{self._file}"
        facts = ", ".join(f"{key} {value} {self._tables[key]}" for key, value in own.items())
        return f"{which}: {facts or 'it names no target, profile, region or stack'}"

    def _where(self, key: str) -> str:
        return f"{self._file} {self._tables[key]}"

    def _path(self, text: str) -> Path:
        """From the file's folder, wherever a command is run."""
        return self._file.parent / Path(text).expanduser()


def _make_target(values: Mapping[str, Any]) -> Target:
    """Raises CliError for a stack's name that no deployment can have."""
    return Target(**{"name" if key == "target" else key: value for key, value in values.items()})


def _text(value: str | float | bool) -> str:
    """As --parameter has it, and CloudFormation."""
    return str(value).lower() if isinstance(value, bool) else str(value)
