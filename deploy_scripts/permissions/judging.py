"""Whether statements of a policy allow a recorded call, by the audit's own reading of policies."""

from collections.abc import Sequence

from deploy_scripts.permissions.recording import Call
from deploy_scripts.permissions.template_roles import Role
from functions.iam_audit.policy.evaluation import Request, evaluate
from functions.iam_audit.policy.policies import Statement, parse_policy


def policy_of(role: Role) -> tuple[Statement, ...]:
    """All that the role's own policies say."""
    return parse_policy(
        {"Statement": [each.document(each.actions, each.resources) for each in role.statements]}
    )


def allows(policy: Sequence[Statement], call: Call) -> bool:
    """Whether the policy surely allows the call."""
    decision = evaluate(policy, Request(call.action, call.resource, call.context))
    return decision.allowed and decision.certain
