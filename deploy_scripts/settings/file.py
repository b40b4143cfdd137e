"""Finds, reads and checks dropserve.toml; what is wrong in it is named by table and key."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy_scripts.errors import CliError
from deploy_scripts.project import ROOT

FILE_NAME = "dropserve.toml"
SCHEMA = ROOT / "schemas" / "settings.schema.json"
# JSON Schema's types, as a person knows them from TOML.
_KINDS = {"string": "a text in quotes", "number": "a number", "boolean": "true or false", "object": "a table"}
_SEE = "docs/operations.md has an example."


def find_settings(given: Path | None) -> Path | None:
    """The file that is named, else dropserve.toml of the current folder; None where there is none."""
    if given is not None:
        return given
    usual = Path(FILE_NAME)
    return usual if usual.is_file() else None


def read_settings(file: Path) -> dict[str, Any]:
    """The document, of the form of schemas/settings.schema.json.

    Raises CliError for what is no TOML, with its line, and for what has another form, with table and key.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is not UTF-8, as TOML must be.", f"Save it as UTF-8. {_SEE}") from error
    except tomllib.TOMLDecodeError as error:
        raise CliError(f"{file} is not TOML: {error}.", f"Correct that line. {_SEE}") from error
    faults = list(_faults(document))
    if faults:
        raise CliError(f"{file} cannot be used:", f"Correct it. {_SEE}", faults)
    return document


def _faults(document: dict[str, Any]) -> Iterator[str]:
    from jsonschema import Draft7Validator  # noqa: PLC0415 - 0.1 s that a command without the file need not pay

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for error in sorted(Draft7Validator(schema).iter_errors(document), key=lambda each: list(each.path)):
        yield from _told(error, [str(part) for part in error.absolute_path])


def _told(error: Any, path: list[str]) -> Iterator[str]:
    """One sentence a fault: `[stages.prod] regoin: there is no such key; ...`. `error`: a ValidationError."""
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for key in sorted(set(error.instance) - set(known)):
            what = "table" if isinstance(error.instance[key], dict) else "key"
            yield f"{_place(path, key)}: there is no such {what}; there are {', '.join(known)}."
    elif error.validator == "pattern":
        yield f"{_place(path, error.instance)}: this is no name: letters, digits, - and _ only."
    else:
        yield f"{_place(path[:-1], path[-1])}: {_wanted(error)}."


def _wanted(error: Any) -> str:
    value = json.dumps(error.instance, default=str)
    if error.validator == "enum":
        return f"{value} is not one of {', '.join(error.validator_value)}"
    if error.validator == "minLength":
        return "it is empty: write a value, or leave the key out"
    kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    return f"{value} must be {' or '.join(_KINDS[kind] for kind in kinds)}"


def _place(tables: list[str], key: str) -> str:
    return f"[{'.'.join(tables)}] {key}" if tables else f"[{key}]"
