"""Checks the function's answers against schemas/inference.openapi.json."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from deploy_scripts.project import ROOT

DOCUMENT: dict[str, Any] = json.loads((ROOT / "schemas" / "inference.openapi.json").read_text())


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the document stands for."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return found


def check_answer(answer: dict[str, Any], method: str = "post") -> None:
    """Raises when the document does not describe this answer of the function."""
    assert set(answer) == {"statusCode", "headers", "body"}
    described = resolved(DOCUMENT["paths"]["/"][method]["responses"][str(answer["statusCode"])])
    required = {name for name, header in described.get("headers", {}).items() if header.get("required")}
    assert set(answer["headers"]) == {"Content-Type", "Cache-Control"} | required
    for name in required:
        check(answer["headers"][name], described["headers"][name]["schema"])
    content = described["content"]
    assert list(content) == [answer["headers"]["Content-Type"]]
    check(json.loads(answer["body"]), content[answer["headers"]["Content-Type"]]["schema"])


def check(value: Any, schema: dict[str, Any]) -> None:
    """Raises when the value breaks a schema of the document."""
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)
