"""What the checks look at: one account at one moment, gathered once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from functions.iam_audit.policies import Statement


@dataclass(frozen=True)
class Gap:
    """Something that could not be read: `name` is the API call or the document, `reason` says why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Policy:
    """`kind` is inline, customer (a managed policy of this account) or aws (one that AWS writes)."""

    name: str
    kind: str
    statements: tuple[Statement, ...] = ()
    arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A role, user or group; `inherited` holds the policies of a user's groups."""

    kind: str
    arn: str
    name: str
    path: str
    policies: tuple[Policy, ...] = ()
    inherited: tuple[Policy, ...] = ()
    boundary_arn: str | None = None


@dataclass(frozen=True, kw_only=True)
class Role(Identity):
    """`last_used_at` is None when IAM knows of no use in the last 400 days."""

    kind: str = "role"
    trust: tuple[Statement, ...] = ()
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Function:
    """A Lambda function; `runtime` is None for a container image. The environment stays out of every repr."""

    arn: str
    name: str
    runtime: str | None
    in_vpc: bool
    environment: Mapping[str, str] = field(repr=False)
    policy: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Model:
    """A SageMaker model."""

    arn: str
    name: str
    in_vpc: bool


@dataclass(frozen=True, kw_only=True)
class Account:
    """The snapshot. IAM is of the whole account, `functions` and `models` are of one region.

    Service-linked roles are left out: AWS writes them and nobody else can change them.
    """

    account_id: str | None
    taken_at: datetime
    region: str | None = None
    roles: tuple[Role, ...] = ()
    users: tuple[Identity, ...] = ()
    groups: tuple[Identity, ...] = ()
    functions: tuple[Function, ...] = ()
    models: tuple[Model, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def identities(self) -> tuple[Identity, ...]:
        return (*self.roles, *self.users, *self.groups)
