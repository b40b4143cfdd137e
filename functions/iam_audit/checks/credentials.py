"""Keys and passwords of people, by IAM's credential report."""

from collections.abc import Iterator
from datetime import datetime

from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Credentials

_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html"
_ROOT = "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html"
# CIS AWS Foundations Benchmark: keys are renewed every 90 days.
_KEY_LIFE_DAYS = 90


def _idle_days(account: Account, used: datetime | None, made: datetime) -> int:
    """Days since the last use; what was never used is as old as its making."""
    return (account.taken_at - (used or made)).days


class _CredentialCheck(Check):
    category = "credentials"


class RootKey(_CredentialCheck):
    id = "root-access-key"
    severity = "critical"
    title = "The account's root has an access key"
    risk = "No policy and no boundary limits root: who finds the key owns the account."
    remediation = "Delete the key. What needs one gets a role."
    references = (_ROOT,)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for one in account.credentials:
            if one.is_root and one.keys:
                yield Violation(one.arn, f"Root has {len(one.keys)} active access key(s).")


class RootWithoutMfa(_CredentialCheck):
    id = "root-without-mfa"
    # AWS asks for MFA at root's next sign-in; until then it is one password.
    severity = "high"
    title = "The account's root signs in without MFA"
    risk = "One password is all that stands before the whole account."
    remediation = "Give root a security key, or manage root centrally and take its password away."
    references = (_ROOT,)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for one in account.credentials:
            # Member accounts whose root is managed centrally have no root password.
            if one.is_root and one.password and not one.mfa:
                yield Violation(one.arn, "Root has a password and no MFA device.")


class PasswordWithoutMfa(_CredentialCheck):
    id = "password-without-mfa"
    severity = "high"
    title = "A user signs in without MFA"
    risk = "A guessed or stolen password is enough to be this user."
    remediation = "Have the user register an MFA device, or sign people in through Identity Center."
    references = ("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for one in _users(account):
            if one.password and not one.mfa:
                yield Violation(
                    one.arn,
                    "The user has a password and no MFA device.",
                    snippet={
                        "Effect": "Deny",
                        "NotAction": [
                            "iam:CreateVirtualMFADevice",
                            "iam:EnableMFADevice",
                            "iam:ListMFADevices",
                        ],
                        "Resource": "*",
                        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                    },
                )


class UnusedPassword(_CredentialCheck):
    id = "unused-password"
    severity = "low"
    title = "A user has not signed in for long"
    risk = "Nobody would notice if somebody else did."
    remediation = "Take the password away, or delete the user."
    references = ("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html",)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for one in _users(account):
            days = _idle_days(account, one.password_used_at, one.created_at)
            if one.password and days >= settings.inactive_days:
                used = "last used" if one.password_used_at else "never used since the user was made"
                yield Violation(one.arn, f"The password was {used} {days} days ago.")


class UnusedKey(_CredentialCheck):
    id = "unused-access-key"
    severity = "medium"
    title = "An access key is not used"
    risk = "It lies in some file, works, and nobody watches it."
    remediation = "Make the key inactive; delete it when nothing breaks."
    references = (
        _KEYS,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_finding-unused.html",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for one in _users(account):
            days = [_idle_days(account, used, made) for made, used in one.keys]
            if idle := [each for each in days if each >= settings.inactive_days]:
                yield Violation(one.arn, f"{len(idle)} active key(s) unused for {max(idle)} days.")


class OldKey(_CredentialCheck):
    id = "old-access-key"
    severity = "low"
    title = "An access key is old"
    risk = "The longer a key lives, the more copies of it lie about."
    remediation = "Renew the key, or better give the program a role."
    references = (_KEYS,)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for one in _users(account):
            used = [
                (account.taken_at - made).days
                for made, last in one.keys
                if _idle_days(account, last, made) < settings.inactive_days
            ]
            if used and max(used) > _KEY_LIFE_DAYS:
                yield Violation(one.arn, f"A key in use is {max(used)} days old (limit {_KEY_LIFE_DAYS}).")


def _users(account: Account) -> Iterator[Credentials]:
    return (one for one in account.credentials if not one.is_root)
