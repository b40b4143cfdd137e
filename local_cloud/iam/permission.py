"""One thing that a caller must be allowed to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Permission:
    """An IAM action on a resource; `context` holds condition keys, e.g. `iam:PassedToService`."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)
