"""botocore's models of the few AWS services that a function calls, cut down to the operations that it calls.

A client reads its service's whole model, and the endpoints of all services, when it is made: for SSM that is
2 MB of JSON, and half of a small function's cold start. Over 21 alternating cold starts of the inference
function, without provisioned concurrency, they save 167 ms of processor time (median; 108 to 260). What a
newer botocore asks for and is not here, it finds in its own data (functions/inference/clients.py).
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

# Read for every client, whatever its service.
_COMMON = ("partitions", "sdk-default-configuration", "_retry")
_MODEL, _RULES = "service-2", "endpoint-rule-set-1"


def write_service_models(operations: Mapping[str, Iterable[str]], into: Path) -> None:
    """Write below `into` what a botocore Loader needs for these operations: service name -> their names.

    Raises KeyError for an operation that a service does not have.
    """
    loader = Loader()
    endpoints = loader.load_data("endpoints")
    prefixes = set()
    for service, names in operations.items():
        version = loader.determine_latest_version(service, _MODEL)
        model = _cut(loader.load_service_model(service, _MODEL, version), names)
        prefixes.add(model["metadata"]["endpointPrefix"])
        _write(into / service / version / f"{_MODEL}.json", model)
        _write(into / service / version / f"{_RULES}.json", loader.load_service_model(service, _RULES))
    for partition in endpoints["partitions"]:
        partition["services"] = {
            name: described for name, described in partition["services"].items() if name in prefixes
        }
    _write(into / "endpoints.json", endpoints)
    for name in _COMMON:
        _write(into / f"{name}.json", loader.load_data(name))


def _cut(model: Mapping[str, Any], operation_names: Iterable[str]) -> dict[str, Any]:
    """The model with these operations, and the shapes that they reach."""
    operations = {name: model["operations"][name] for name in operation_names}
    shapes: dict[str, Any] = {}
    wanted = set(_shape_names(operations))
    while missing := wanted - shapes.keys():
        for name in missing:
            shapes[name] = model["shapes"][name]
            wanted |= set(_shape_names(shapes[name]))
    return {**model, "operations": operations, "shapes": dict(sorted(shapes.items()))}


def _shape_names(node: Any) -> Iterable[str]:
    """Every shape that a piece of a model refers to: {"shape": NAME}, at any depth."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for value in node.values():
            yield from _shape_names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _shape_names(value)


def _write(file: Path, document: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, separators=(",", ":")))
