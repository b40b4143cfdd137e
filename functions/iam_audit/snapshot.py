"""What the checks look at: one account at one moment, gathered once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from functions.iam_audit.policy.grants import Grant, Policy, effective_grants
from functions.iam_audit.policy.policies import Statement

# Without it the pipeline's roles cannot be judged.
IAM_GAP = "iam:GetAccountAuthorizationDetails"


@dataclass(frozen=True)
class Gap:
    """Something that could not be read: `name` is the API call or the document, `reason` says why."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A role, user or group; `groups` are those that a user is in.

    `boundary` is None when there is none, and when its document could not be read.
    """

    kind: str
    arn: str
    name: str
    path: str
    policies: tuple[Policy, ...] = ()
    groups: "tuple[Identity, ...]" = ()
    boundary_arn: str | None = None
    boundary: Policy | None = None

    @cached_property
    def inherited(self) -> tuple[Policy, ...]:
        """The policies of its groups."""
        return tuple(policy for group in self.groups for policy in group.policies)

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """What it may do, with what its groups give it, after every sure Deny and its boundary."""
        return effective_grants((*self.policies, *self.inherited), self.boundary)

    @cached_property
    def own_grants(self) -> tuple[Grant, ...]:
        """The grants of its own policies: a group is judged by itself."""
        if not self.inherited:
            return self.grants
        own = set(map(id, self.policies))
        return tuple(grant for grant in self.grants if id(grant.policy) in own)

    @cached_property
    def sensitive_actions(self) -> frozenset[str]:
        """The sensitive actions that some grant gives it, on whatever resource; lower case."""
        sets = {grant.sensitive_actions for grant in self.grants if grant.sensitive_actions}
        return next(iter(sets)) if len(sets) == 1 else frozenset().union(*sets)

    @cached_property
    def is_administrator(self) -> bool:
        """Whether it may do everything on everything, its groups' policies counted in."""
        return any(grant.statement.names_everything for grant in self.grants)

    @property
    def administrator_grants(self) -> tuple[Grant, ...]:
        """Its own grants of everything on everything, conditions or not."""
        return tuple(grant for grant in self.own_grants if grant.statement.names_everything)

    @cached_property
    def narrower_grants(self) -> tuple[Grant, ...]:
        """Its own grants but those of everything: the administrator check says all about them."""
        return tuple(grant for grant in self.own_grants if not grant.statement.names_everything)


@dataclass(frozen=True, kw_only=True)
class Role(Identity):
    """`last_used_at` is None when IAM knows of no use in the last 400 days."""

    kind: str = "role"
    trust: tuple[Statement, ...] = ()
    created_at: datetime
    last_used_at: datetime | None = None

    @property
    def trusted_services(self) -> frozenset[str]:
        allowed = (statement for statement in self.trust if statement.is_allow)
        return frozenset(name for statement in allowed for name in statement.principals.get("Service", ()))


@dataclass(frozen=True)
class ManagedPolicy:
    """A managed policy of the account, or one of AWS's that something in it uses."""

    policy: Policy
    arn: str
    default_version: str
    newest_version: str
    attachments: int
    boundary_uses: int
    attachable: bool


@dataclass(frozen=True)
class Credentials:
    """One line of the credential report: a user, or the account's root.

    `keys` are the active access keys: when each was made or renewed, and last used (None: never).
    """

    arn: str
    name: str
    created_at: datetime
    password: bool
    password_used_at: datetime | None
    mfa: bool
    keys: tuple[tuple[datetime, datetime | None], ...] = ()

    @property
    def is_root(self) -> bool:
        return self.name == "<root_account>"


@dataclass(frozen=True)
class FunctionPolicy:
    """A resource policy of a function: of the function itself, or of a version or an alias (`qualifier`)."""

    qualifier: str | None
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Function:
    """A Lambda function; `runtime` is None for a container image. The environment stays out of every repr.

    `code_signing` is None when it could not be read; `role_arn` is the role that it runs with.
    """

    arn: str
    name: str
    runtime: str | None
    in_vpc: bool
    environment: Mapping[str, str] = field(repr=False)
    policies: tuple[FunctionPolicy, ...] = ()
    role_arn: str | None = None
    key_arn: str | None = None
    code_signing: bool | None = None


@dataclass(frozen=True)
class Model:
    """A SageMaker model."""

    arn: str
    name: str
    in_vpc: bool
    isolated: bool = False


@dataclass(frozen=True)
class TrainingJob:
    """A SageMaker training job, one of the newest."""

    arn: str
    name: str
    in_vpc: bool
    isolated: bool
    encrypts_traffic: bool
    output_key: bool
    instances: int = 1


@dataclass(frozen=True)
class Notebook:
    """A SageMaker notebook instance."""

    arn: str
    name: str
    direct_internet: bool
    root_access: bool
    newest_metadata_only: bool
    role_arn: str | None = None


@dataclass(frozen=True)
class StateMachine:
    """A Step Functions state machine; its definition stays out of every repr."""

    arn: str
    name: str
    log_level: str
    definition: str = field(repr=False)
    role_arn: str | None = None


@dataclass(frozen=True)
class Instance:
    """An EC2 instance that is not ended."""

    arn: str
    id: str
    requires_tokens: bool
    profile_arn: str | None = None


# What an S3 public access block is made of.
BLOCK_SETTINGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Bucket:
    """`blocked` holds the four settings of the public access block, the account's own counted in."""

    name: str
    blocked: frozenset[str]
    policy: tuple[Statement, ...] = ()

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"


@dataclass(frozen=True)
class Key:
    """A customer's KMS key."""

    arn: str
    policy: tuple[Statement, ...]


@dataclass(frozen=True)
class ServiceUse:
    """A service that a role's policies allow; `used_at` is None when the role was never seen to use it."""

    role_arn: str
    service: str
    used_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Account:
    """The snapshot. IAM, its credentials and the buckets are of the whole account, the rest of one region.

    Service-linked roles are left out: AWS writes them and nobody else can change them. `api_calls` is how
    many calls the snapshot took, pages counted one by one.
    """

    account_id: str | None
    taken_at: datetime
    region: str | None = None
    roles: tuple[Role, ...] = ()
    users: tuple[Identity, ...] = ()
    groups: tuple[Identity, ...] = ()
    managed: tuple[ManagedPolicy, ...] = ()
    credentials: tuple[Credentials, ...] = ()
    functions: tuple[Function, ...] = ()
    models: tuple[Model, ...] = ()
    training_jobs: tuple[TrainingJob, ...] = ()
    notebooks: tuple[Notebook, ...] = ()
    state_machines: tuple[StateMachine, ...] = ()
    instances: tuple[Instance, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    keys: tuple[Key, ...] = ()
    service_uses: tuple[ServiceUse, ...] = ()
    gaps: tuple[Gap, ...] = ()
    api_calls: int = 0

    @cached_property
    def identities(self) -> tuple[Identity, ...]:
        return (*self.roles, *self.users, *self.groups)

    @cached_property
    def administrators(self) -> Mapping[str, Identity]:
        """The identities that may do everything, by ARN."""
        return {identity.arn: identity for identity in self.identities if identity.is_administrator}

    @cached_property
    def administrator_roles(self) -> Mapping[str, Sequence[Role]]:
        """Service principal -> the administrator roles that trust it."""
        trusting: dict[str, list[Role]] = {}
        for role in self.roles:
            if role.is_administrator:
                for service in role.trusted_services:
                    trusting.setdefault(service, []).append(role)
        return trusting

    @cached_property
    def privileged_resources(self) -> Sequence[str]:
        """ARNs of the functions, state machines and notebooks that run with an administrator's role."""
        running: tuple[Function | StateMachine | Notebook, ...] = (
            *self.functions,
            *self.state_machines,
            *self.notebooks,
        )
        return tuple(each.arn for each in running if each.role_arn in self.administrators)

    @cached_property
    def roles_by_arn(self) -> Mapping[str, Role]:
        return {role.arn: role for role in self.roles}
