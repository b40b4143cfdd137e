"""Whether a request is allowed: IAM's own evaluation logic, for one identity of one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from functions.iam_audit.policy.conditions import Context, all_hold, substitute
from functions.iam_audit.policy.patterns import matches
from functions.iam_audit.policy.policies import Statement

ALLOW, EXPLICIT_DENY, IMPLICIT_DENY = "allow", "explicit deny", "implicit deny"


@dataclass(frozen=True)
class Request:
    """One call. Keys of `context` are compared in lower case; lists are keys with several values.

    What the context does not hold, the request lacks; with `partial` it is unknown instead.
    """

    action: str
    resource: str
    context: Mapping[str, str | Iterable[str] | None] = field(default_factory=dict)
    partial: bool = False


@dataclass(frozen=True)
class Decision:
    """`effect` is ALLOW, EXPLICIT_DENY or IMPLICIT_DENY; `statement` is the one that decided, if one did.

    When not `certain`, a condition on something unknown could turn an ALLOW into a denial.
    """

    effect: str
    certain: bool = True
    statement: Statement | None = None

    @property
    def allowed(self) -> bool:
        return self.effect == ALLOW


def evaluate(
    statements: Iterable[Statement], request: Request, *, boundary: Iterable[Statement] | None = None
) -> Decision:
    """The decision on a request under all statements of an identity's policies, within its boundary."""
    statements, limits = tuple(statements), None if boundary is None else tuple(boundary)
    context = _lower(request.context)
    denies = [it for it in (*statements, *(limits or ())) if not it.is_allow]
    denied, deny = _strongest(denies, request, context)
    if denied:
        return Decision(EXPLICIT_DENY, statement=deny)
    allowed, allow = _strongest([it for it in statements if it.is_allow], request, context)
    within: bool | None = True
    if limits is not None:
        within, _ = _strongest([it for it in limits if it.is_allow], request, context)
    if allowed is False or within is False:
        return Decision(IMPLICIT_DENY)
    return Decision(ALLOW, certain=None not in (denied, allowed, within), statement=allow)


def _strongest(
    statements: Iterable[Statement], request: Request, context: Context
) -> tuple[bool | None, Statement | None]:
    """Whether some statement applies: True and the statement; None when one may; False when none does."""
    perhaps: Statement | None = None
    for statement in statements:
        applies = _applies(statement, request, context)
        if applies:
            return True, statement
        if applies is None:
            perhaps = statement
    return (None, perhaps) if perhaps else (False, None)


def _applies(statement: Statement, request: Request, context: Context) -> bool | None:
    if not statement.names_action(request.action) or not _names_resource(
        statement, request.resource, context
    ):
        return False
    if not request.partial:
        absent = {condition.key: None for condition in statement.conditions if condition.key not in context}
        context = {**context, **absent}
    return all_hold(statement.conditions, context)


def _names_resource(statement: Statement, arn: str, context: Context) -> bool:
    """As the statement's own, with the policy variables of the request put in."""
    if statement.not_resources:
        return not any(matches(substitute(pattern, context), arn) for pattern in statement.not_resources)
    return any(matches(substitute(pattern, context), arn) for pattern in statement.resources)


def _lower(context: Mapping[str, str | Iterable[str] | None]) -> Context:
    return {
        key.lower(): value if value is None or isinstance(value, str) else tuple(value)
        for key, value in context.items()
    }
