"""Whether statements of a policy allow a recorded call, by the audit's own reading of policies."""

from collections.abc import Iterable, Mapping
from typing import Any

from deploy_scripts.permissions.recording import Call
from functions.iam_audit.policy.evaluation import Request, evaluate
from functions.iam_audit.policy.policies import parse_policy


def allows(statements: Iterable[Mapping[str, Any]], call: Call) -> bool:
    """Whether the statements, as IAM writes them, surely allow the call."""
    request = Request(call.action, call.resource, call.context)
    decision = evaluate(parse_policy({"Statement": list(statements)}), request)
    return decision.allowed and decision.certain
