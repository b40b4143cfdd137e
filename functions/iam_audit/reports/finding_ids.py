"""A name for each finding that stays the same from audit to audit."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any


def with_ids(findings: Iterable[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """(32 hexadecimal characters, finding): of the check and the resource, counted where both repeat."""
    seen: dict[tuple[str, str], int] = {}
    named = []
    for finding in findings:
        key = finding["check"], finding["resource"]
        seen[key] = seen.get(key, 0) + 1
        digest = hashlib.sha256(f"{key[0]} {key[1]} {seen[key]}".encode()).hexdigest()
        named.append((digest[:32], finding))
    return named
