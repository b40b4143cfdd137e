"""Whether our audit finds every true claim of cloudsplaining: class by class and role by role.

Where ours says nothing, a referee decides whether the claim is true: ministack's implementation of IAM's
evaluation logic, asked for the very actions on a resource that nobody would name. It knows what
cloudsplaining leaves out: Deny statements of other policies, and permissions boundaries.

`python -m benchmarks.support.audit.audit_comparison ACCOUNT OUR_REPORT THEIR_OUTPUT` prints the table.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator

from benchmarks.support.audit.cloudsplaining import Claim, read_claims

# The checks of ours that say the same as a risk class of cloudsplaining's, or more.
_EVERYTHING = {"administrator-access", "allow-not-action"}
OURS = {
    "PrivilegeEscalation": _EVERYTHING
    | {
        "writes-permissions",
        "launches-under-any-role",
        "launches-under-administrator",
        "changes-privileged-code",
        "reaches-running-compute",
    },
    "ResourceExposure": _EVERYTHING | {"resource-exposure", "pass-any-role"},
    "DataExfiltration": _EVERYTHING | {"data-exposure"},
    "CredentialsExposure": _EVERYTHING | {"credentials-exposure", "assume-any-role"},
    "InfrastructureModification": _EVERYTHING
    | {
        "needless-wildcard-resource",
        "resource-exposure",
        "service-wildcard",
        "credentials-exposure",
        "data-exposure",
        "pass-any-role",
        "assume-any-role",
    },
    "ServiceWildcard": _EVERYTHING | {"service-wildcard", "service-wildcard-on-resource"},
}
# These answer with credentials of the caller itself, with no more rights than it has.
_OWN_TOKENS = frozenset(
    {
        "codeartifact:getauthorizationtoken",
        "ecr:getauthorizationtoken",
        "ecr-public:getauthorizationtoken",
        "sts:getfederationtoken",
        "sts:getsessiontoken",
    }
)


def compare(
    claims: Iterable[Claim], findings: Iterable[Mapping[str, Any]], account: Mapping[str, Any]
) -> dict[str, Any]:
    """By risk class: roles that cloudsplaining claims, found by ours, explained, missed (must be none)."""
    checks: dict[str, set[str]] = {}
    for finding in findings:
        checks.setdefault(finding["resource"], set()).add(finding["check"])
    referee = _Referee(account)
    by_role: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        by_role.setdefault((claim.risk_class, claim.role_arn), []).append(claim)
    table: dict[str, dict[str, Any]] = {
        risk_class: {"claimed": 0, "found_by_ours": 0, "explained": Counter[str](), "missed": []}
        for risk_class in OURS
    }
    for (risk_class, arn), of_role in sorted(by_role.items()):
        row = table[risk_class]
        row["claimed"] += 1
        if checks.get(arn, set()) & OURS[risk_class]:
            row["found_by_ours"] += 1
        elif reason := _explanation(of_role, referee):
            row["explained"][reason] += 1
        else:
            row["missed"].append(arn)
    for risk_class, row in table.items():
        ours = {arn for arn, names in checks.items() if names & OURS[risk_class] and ":role/" in arn}
        claimed = {arn for kind, arn in by_role if kind == risk_class}
        row["only_ours"] = len(ours - claimed)
        row["explained"] = dict(row["explained"])
    return table


def _explanation(claims: list[Claim], referee: "_Referee") -> str | None:
    """Why none of the claims is true; None when one is."""
    left = [claim for claim in claims if not set(map(str.lower, claim.evidence)) <= _OWN_TOKENS]
    if not left:
        return "tokens of the caller itself, with no more rights than it has"
    if any(referee.allows(claim) for claim in left):
        return None
    bounded = referee.has_boundary(left[0].role_arn)
    return "taken back by the permissions boundary or a Deny" if bounded else "taken back by a Deny statement"


class _Referee:
    """Asks ministack's evaluator whether a role may do something."""

    def __init__(self, account: Mapping[str, Any]) -> None:
        self.managed = {
            policy["Arn"]: next(
                version["Document"] for version in policy["PolicyVersionList"] if version["IsDefaultVersion"]
            )
            for policy in account["Policies"]
        }
        self.roles = {role["Arn"]: role for role in account["RoleDetailList"]}

    def has_boundary(self, role_arn: str) -> bool:
        return "PermissionsBoundary" in self.roles[role_arn]

    def allows(self, claim: Claim) -> bool:
        """Whether the role may do all that the claim rests on, as the policy's statements put it."""
        role = self.roles[claim.role_arn]
        documents = [each["PolicyDocument"] for each in role["RolePolicyList"]]
        documents += [self.managed[each["PolicyArn"]] for each in role["AttachedManagedPolicies"]]
        policies = [iam_evaluator.parse_policy_document(document) for document in documents]
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        limits = [[iam_evaluator.parse_policy_document(self.managed[boundary])]] if boundary else []
        return all(self._allows(role["Arn"], each, policies, limits) for each in claim.evidence)

    def _allows(self, role_arn: str, action: str, policies: list[Any], limits: list[Any]) -> bool:
        # A service wildcard is claimed by the service's name alone, on whatever resource.
        whole_service = ":" not in action
        name = f"{action}:NoSuchAction" if whole_service else action
        statements = [statement for policy in policies for statement in policy]
        resources = {_example(each) for it in statements for each in it.resources} if whole_service else set()
        return any(
            iam_evaluator.evaluate(
                iam_evaluator.EvalContext(
                    principal_arn=role_arn,
                    principal_type="AssumedRole",
                    principal_account=role_arn.split(":")[4],
                    action=name,
                    resource_arn=resource,
                    region="eu-west-1",
                ),
                policies,
                *limits,
            ).decision
            == "Allow"
            for resource in {"arn:aws:x:::no-such-name", *resources}
        )


def _example(pattern: str) -> str:
    """A resource that the pattern matches."""
    return pattern.replace("*", "x").replace("?", "x")


def main(account: Path, our_report: Path, their_output: Path) -> None:
    """Print how many findings ours has, and the comparison."""
    findings = json.loads(our_report.read_text("utf-8"))["findings"]
    claims = read_claims(their_output, account)
    table = compare(claims, findings, json.loads(account.read_text("utf-8")))
    print(json.dumps({"our_findings": len(findings), "comparison": table}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
