"""The shape of every check."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

# A policy statement or document, as JSON.
Snippet = Mapping[str, Any]


class Violation(NamedTuple):
    """What a check found: the ARN that it is about, and a sentence on why.

    `severity` is given where it differs from the check's; `grants` are the grants at fault, whose conditions
    are reported; `conditions` are told as they are, for what no grant holds, such as a trust policy.
    """

    resource: str
    reason: str
    severity: str | None = None
    snippet: Snippet | None = None
    grants: tuple[Grant, ...] = ()
    conditions: tuple[str, ...] = ()


class Check(ABC):
    """One question to the account. A new check is a new subclass, named in `checks.ALL_CHECKS`.

    `severity` is one of settings.SEVERITIES; `title` says what was found, `risk` why it matters,
    `remediation` what to do. `weighs_reach`: who may take a role makes its findings graver or milder.
    """

    id: ClassVar[str]
    category: ClassVar[str]
    severity: ClassVar[str]
    title: ClassVar[str]
    risk: ClassVar[str]
    remediation: ClassVar[str]
    references: ClassVar[tuple[str, ...]]
    weighs_reach: ClassVar[bool] = False

    @abstractmethod
    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        """Every violation in the account; nothing when all is well."""


def allow_statement(actions: list[str], resources: list[str], **more: Any) -> Snippet:
    """A ready Allow statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny_statement(actions: list[str]) -> Snippet:
    """A ready Deny statement on every resource."""
    return {"Effect": "Deny", "Action": actions, "Resource": "*"}
