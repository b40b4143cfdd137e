"""Rights to read secrets, to mint credentials, to share: on everything, where a few would do."""

from functools import cache

from functions.iam_audit.checks.broad_permissions import PerPolicyCheck
from functions.iam_audit.escalation_paths import PASS_ROLE
from functions.iam_audit.policy.actions import PERMISSIONS, narrowable_actions, spelled
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.risky_actions import CREDENTIAL_ACTIONS, DATA_ACTIONS

_DATA = frozenset(map(str.lower, DATA_ACTIONS))
_CREDENTIALS = frozenset(map(str.lower, CREDENTIAL_ACTIONS))
_LEAST_PRIVILEGE = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
)


def _on_everything(grant: Grant) -> bool:
    return grant.statement.names_whole_service and not grant.statement.is_narrowed


def _sensitive(grant: Grant, of: frozenset[str]) -> tuple[str, ...]:
    if not grant.sensitive_actions or not _on_everything(grant):
        return ()
    return tuple(sorted(map(spelled, grant.sensitive_actions & of)))


class DataExposure(PerPolicyCheck):
    id = "data-exposure"
    category = "exposure"
    severity = "medium"
    title = "Data of every resource may be read"
    risk = "One lost key, or one tricked program, and everything that the account keeps can be copied away."
    remediation = "Name the buckets, tables, parameters and secrets that are read."
    references = (
        _LEAST_PRIVILEGE,
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
    )

    def faults(self, grant: Grant) -> tuple[str, ...]:
        return _sensitive(grant, _DATA)


class CredentialsExposure(PerPolicyCheck):
    id = "credentials-exposure"
    category = "exposure"
    severity = "high"
    title = "Credentials of others may be had"
    risk = "The answer of such a call is a key, a token or a password with other rights than the caller's."
    remediation = "Name the users, roles and databases whose credentials are needed, or drop the action."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html",
        "https://gist.github.com/kmcquade/33860a617e651104d243c324ddf7992a",
    )

    def faults(self, grant: Grant) -> tuple[str, ...]:
        return _sensitive(grant, _CREDENTIALS)


class ResourceExposure(PerPolicyCheck):
    id = "resource-exposure"
    category = "exposure"
    severity = "high"
    title = "Every resource may be shared"
    risk = "Who may change the permissions of resources may open them to other accounts, or to the world."
    remediation = "Name the resources whose permissions this identity keeps, or drop the action."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html",
    )

    def faults(self, grant: Grant) -> tuple[str, ...]:
        if not _on_everything(grant):
            return ()
        if grant.statement.not_actions:
            return ("permissions management",)
        return tuple(pattern for pattern in grant.patterns if _shares_something(pattern))


@cache
def _shares_something(pattern: str) -> bool:
    """Whether a pattern names a change of permissions that could be granted on named resources."""
    # PassRole has checks of its own.
    return bool(narrowable_actions(pattern, PERMISSIONS) - {PASS_ROLE.lower()})
