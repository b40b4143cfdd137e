"""The shape of every check."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account


class Problem(NamedTuple):
    """What a check found: the ARN that it is about, and a sentence on why."""

    resource: str
    reason: str


class Check(ABC):
    """One question to the account. A new check is a new subclass, named in `checks.ALL_CHECKS`.

    `severity` is one of settings.SEVERITIES; `risk` says what may happen, `remediation` what to do.
    """

    id: ClassVar[str]
    category: ClassVar[str]
    severity: ClassVar[str]
    title: ClassVar[str]
    risk: ClassVar[str]
    remediation: ClassVar[str]

    @abstractmethod
    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        """Every problem in the account; nothing when all is well."""
