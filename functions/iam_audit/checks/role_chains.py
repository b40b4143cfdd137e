"""Role chains: who gets to a role of great power by taking one role after another.

Such a role is an administrator, or may make itself one (`writes-permissions` on the role itself).
"""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.checks.escalation import WritesPermissions
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.permissions import boundary_note, find_grants, is_told_at_a_group, reaches
from functions.iam_audit.reachability import account_of, open_statements
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity, Role

_ASSUME_ROLE = "sts:assumerole"


class ChainToAdministrator(Check):
    id = "chain-to-administrator"
    category = "privilege escalation"
    severity = "critical"
    title = "May become administrator by taking roles"
    risk = "The identity looks modest, and is an administrator one or more calls of sts:AssumeRole away."
    remediation = "Name, in the trust policy of the last role, the few who may take it; demand MFA of people."
    references = (
        "https://pathfinding.cloud/paths/sts-001",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html",
    )
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity, chain, grants in _Chains(account).walk():
            if is_told_at_a_group(identity, grants):
                continue
            roles = ", then ".join(role.name for role in chain)
            is_one = chain[-1].arn in account.administrators
            power = "is an administrator" if is_one else "may make itself an administrator"
            yield Violation(
                identity.arn,
                f"It may take {roles}, which {power}.{boundary_note(identity)}",
                snippet={
                    "Effect": "Deny",
                    "Principal": {"AWS": identity.arn},
                    "Action": "sts:AssumeRole",
                },
                grants=grants,
                conditions=tuple(str(it) for each in open_statements(chain[0]) for it in each.conditions),
            )


class _Chains:
    """A search backwards over who may take each role: every identity is met once.

    From the administrators first, then from the roles that may make themselves administrators.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.met = set(account.administrators)
        self.by_arn = {identity.arn: identity for identity in account.identities}
        self.assumers = {
            identity.arn: (identity, tuple(find_grants(identity, _ASSUME_ROLE)))
            for identity in account.identities
            if _ASSUME_ROLE in identity.sensitive_actions and identity.arn not in self.met
        }

    def walk(self) -> Iterator[tuple[Identity, tuple[Role, ...], tuple[Grant, ...]]]:
        """Each identity with the roles on its way up, nearest first, and its grants of the first step."""
        administrators = self.account.administrators.values()
        yield from self._walk_from([role for role in administrators if isinstance(role, Role)])
        yield from self._walk_from(self._to_be_administrators())

    def _to_be_administrators(self) -> list[Role]:
        """The roles that may write their own permissions, of those that somebody in the account can take.

        They are found for that by themselves, so they are met already; nor does a role that leads to an
        administrator anyway count again.
        """
        rights = WritesPermissions()
        takeable = [
            role for role in self.account.roles if role.arn not in self.met and _names_principals(role)
        ]
        found = [role for role in takeable if rights.open_to(self.account, role)]
        self.met.update(role.arn for role in found)
        return found

    def _walk_from(self, ends: list[Role]) -> Iterator[tuple[Identity, tuple[Role, ...], tuple[Grant, ...]]]:
        front: list[tuple[Role, tuple[Role, ...]]] = [(role, (role,)) for role in ends]
        while front:
            further: list[tuple[Role, tuple[Role, ...]]] = []
            for role, chain in front:
                for identity, grants in self._takers(role):
                    self.met.add(identity.arn)
                    self.assumers.pop(identity.arn, None)
                    yield identity, chain, grants
                    if isinstance(identity, Role):
                        further.append((identity, (identity, *chain)))
            front = further

    def _takers(self, role: Role) -> Iterator[tuple[Identity, tuple[Grant, ...]]]:
        """The identities of the account, not met before, that may take the role."""
        named = {name for it in open_statements(role) for name in it.principals.get("AWS", ())}
        for name in sorted(named & self.by_arn.keys() - self.met):
            yield self.by_arn[name], ()
        if _trusts_whole_account(role, named):
            for identity, grants in list(self.assumers.values()):
                using = tuple(grant for grant in grants if reaches(identity, grant.statement, role.arn))
                if using and identity.arn not in self.met:
                    yield identity, using


def _names_principals(role: Role) -> bool:
    """Whether more than services may take the role."""
    return any("AWS" in statement.principals for statement in open_statements(role))


def _trusts_whole_account(role: Role, principals: set[str]) -> bool:
    """Whether the trust leaves it to the account's own policies who may take the role."""
    own = role.arn.split(":")[4]
    return any(
        name in ("*", own) or (account_of(name) == own and name.endswith(":root")) for name in principals
    )
