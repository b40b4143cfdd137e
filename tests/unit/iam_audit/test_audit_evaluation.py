"""The evaluation of requests, against an implementation of IAM that is not ours, and AWS's own examples."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core import iam_evaluator

from functions.iam_audit.policy.conditions import Condition, holds, substitute
from functions.iam_audit.policy.evaluation import ALLOW, EXPLICIT_DENY, IMPLICIT_DENY, Request, evaluate
from functions.iam_audit.policy.grants import Policy, effective_grants
from functions.iam_audit.policy.patterns import matches, matches_action, overlaps
from functions.iam_audit.policy.policies import parse_policy
from tests.unit.iam_audit.account_documents import allow, deny

NAMES = st.sampled_from(["s3:GetObject", "s3:PutObject", "S3:getobject", "iam:PassRole", "iam:PutRolePolicy"])
PATTERNS = st.sampled_from(
    ["*", "s3:*", "s3:Get*", "S3:G?tObject", "*:*", "iam:P*", "iam:Pass*", "s3:*Object", "*:Put*", "i?m:*"]
)
ARNS = st.sampled_from(["arn:aws:s3:::b/x", "arn:aws:s3:::b/X", "arn:aws:s3:::c/x", "arn:aws:iam::1:role/r"])
ARN_PATTERNS = st.sampled_from(
    [
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::?/x",
        "arn:aws:*:::b/x",
        "arn:aws:iam::*:role/*",
        "arn:aws:s3:::*",
    ]
)
STRINGS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]
OTHERS = [
    "ArnLike",
    "ArnNotLike",
    "ArnEquals",
    "Null",
    "Bool",
    "NumericLessThan",
    "IpAddress",
    "NotIpAddress",
]
OPERATORS = st.builds(
    lambda quantifier, base, if_exists: base if base == "Null" else f"{quantifier}{base}{if_exists}",
    st.sampled_from(["", "ForAnyValue:", "ForAllValues:"]),
    st.sampled_from([*STRINGS, *OTHERS]),
    st.sampled_from(["", "IfExists"]),
)
WORDS = st.sampled_from(
    ["a", "A", "ab", "a*", "true", "false", "5", "7", "10.0.0.1", "10.0.0.0/8", "arn:aws:s3:::b"]
)
CONDITIONS = st.dictionaries(
    OPERATORS,
    st.dictionaries(st.just("s3:prefix"), st.lists(WORDS, min_size=1, max_size=2), min_size=1),
    max_size=2,
)


@st.composite
def statements(draw: Any) -> dict[str, Any]:
    element: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    action = draw(st.sampled_from(["Action", "NotAction"]))
    resource = draw(st.sampled_from(["Resource", "NotResource"]))
    element[action] = draw(st.lists(PATTERNS, min_size=1, max_size=2))
    element[resource] = draw(st.lists(ARN_PATTERNS, min_size=1, max_size=2))
    return element | ({"Condition": conditions} if (conditions := draw(CONDITIONS)) else {})


POLICIES = st.lists(statements(), min_size=1, max_size=4)
DECISIONS = {"Allow": ALLOW, "Deny": EXPLICIT_DENY, "ImplicitDeny": IMPLICIT_DENY}


def theirs(action, arn, value, document, boundary):
    context = iam_evaluator.EvalContext(
        principal_arn="arn:aws:iam::1:user/kim",
        principal_account="1",
        principal_type="User",
        region="us-east-1",
        action=action,
        resource_arn=arn,
        service_context={} if value is None else {"s3:prefix": value},
    )
    limits = [] if boundary is None else [[iam_evaluator.parse_policy_document({"Statement": boundary})]]
    parsed = iam_evaluator.parse_policy_document({"Statement": document})
    return DECISIONS[iam_evaluator.evaluate(context, [parsed], *limits).decision]


@settings(max_examples=400, deadline=None)
@given(NAMES, ARNS, st.none() | WORDS, POLICIES, st.none() | POLICIES)
def test_decisions_are_those_of_another_implementation(action, arn, value, document, boundary):
    request = Request(action, arn, {} if value is None else {"S3:Prefix": value})
    limits = None if boundary is None else parse_policy({"Statement": boundary})
    ours = evaluate(parse_policy({"Statement": document}), request, boundary=limits)
    assert (ours.effect, ours.certain) == (theirs(action, arn, value, document, boundary), True)


TEXT = st.text(alphabet="abAB:/*?", max_size=8)


@given(TEXT, st.text(alphabet="abAB:/", max_size=8))
def test_patterns_match_as_in_another_implementation(pattern, value):
    assert matches(pattern, value) == iam_evaluator.fnmatch_iam_cs(value, pattern)
    assert matches_action(pattern, value) == iam_evaluator.fnmatch_iam(value, pattern)


@given(TEXT, TEXT, st.text(alphabet="abAB:/", max_size=8))
def test_patterns_that_share_a_value_overlap(one, other, value):
    if matches(one, value) and matches(other, value):
        assert overlaps(one, other)
        assert overlaps(other, one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("s3:Get*", "s3:*Object", True),
        ("s3:Get*", "s3:Put*", False),
        ("a?c", "ab*", True),
        ("a?", "a", False),
        ("*a", "b*", True),
        ("user/${aws:username}", "user/kim", True),
        ("user/${aws:username}", "role/kim", False),
        ("a${*}", "ab", False),
        ("a${*}", "a*", True),
    ],
)
def test_overlapping(one, other, expected):
    assert overlaps(one, other) is expected


@settings(max_examples=400, deadline=None)
@given(NAMES, ARNS, POLICIES, st.none() | POLICIES)
def test_a_request_that_is_allowed_is_never_outside_the_effective_grants(action, arn, document, boundary):
    """What checks look at may be wider than what is allowed, and never narrower."""
    statements_ = parse_policy({"Statement": document})
    limit = None if boundary is None else Policy("limit", "customer", parse_policy({"Statement": boundary}))
    decision = evaluate(statements_, Request(action, arn, partial=True), boundary=limit and limit.statements)
    if decision.allowed:
        grants = effective_grants([Policy("own", "inline", statements_)], limit)
        left = [
            each
            for each in grants
            if each.statement.names_action(action) and each.statement.names_resource(arn)
        ]
        assert left
        assert any(
            each.statement.not_actions or any(matches_action(p, action) for p in each.patterns)
            for each in left
        )


@pytest.mark.parametrize(
    ("operator", "values", "actual", "expected"),
    [
        ("stringequals", ("a",), "a", True),
        ("stringequals", ("a*",), "ab", False),
        ("stringlike", ("a*",), "ab", True),
        ("stringnotequals", ("a",), None, True),
        ("stringequals", ("a",), None, False),
        ("stringequalsifexists", ("a",), None, True),
        ("null", ("true",), None, True),
        ("null", ("false",), None, False),
        ("null", ("false",), "x", True),
        ("bool", ("true",), "True", True),
        ("ipaddress", ("10.0.0.0/8",), "10.2.3.4", True),
        ("notipaddress", ("10.0.0.0/8",), "11.2.3.4", True),
        ("ipaddress", ("2001:db8::/32",), "2001:db8::1", True),
        ("ipaddress", ("10.0.0.0/8",), "no address", False),
        ("arnlike", ("arn:aws:s3:::*",), "arn:aws:s3:::b", True),
        ("arnnotequals", ("arn:aws:s3:::b",), "arn:aws:s3:::b", False),
        ("numericlessthan", ("5",), "4", True),
        ("numericgreaterthanequals", ("5",), "5", True),
        ("numericlessthan", ("5",), "four", False),
        ("datelessthan", ("2026-01-01T00:00:00Z",), "2025-12-31T23:59:59Z", True),
        ("dategreaterthan", ("1700000000",), "2026-01-01T00:00:00Z", True),
        ("foranyvalue:stringlike", ("a*",), ("b", "ab"), True),
        ("foranyvalue:stringlike", ("a*",), None, False),
        ("forallvalues:stringlike", ("a*",), ("b", "ab"), False),
        ("forallvalues:stringlike", ("a*",), None, True),
        ("stringlike", ("${aws:username}/*",), "kim/x", True),
        ("stringequals", ("${aws:userid}",), "x", None),
        ("sometimesequals", ("a",), "a", None),
    ],
)
def test_a_condition_holds_or_not_or_cannot_be_told(operator, values, actual, expected):
    context = {"key": actual, "aws:username": "kim"}
    assert holds(Condition(operator, "key", values), context) is expected


def test_a_key_of_which_nothing_is_known_leaves_a_condition_open():
    assert holds(Condition("stringequals", "key", ("a",)), {}) is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("user/${aws:username}", "user/k${*}m"),
        ("user/${aws:PrincipalTag/team, 'none'}", "user/none"),
        ("user/${aws:userid}", "user/${aws:userid}"),
        ("user/${*}", "user/${*}"),
    ],
)
def test_policy_variables_are_put_in_as_plain_text(pattern, expected):
    assert substitute(pattern, {"aws:username": "k*m", "aws:principaltag/team": None}) == expected


def test_what_is_unknown_leaves_an_allow_uncertain_and_a_denial_certain():
    tagged = {"StringEquals": {"aws:ResourceTag/team": "ml"}}
    once = parse_policy({"Statement": [allow("s3:*", Condition=tagged)]})
    assert evaluate(once, Request("s3:GetObject", "arn:aws:s3:::b/x", partial=True)).certain is False
    assert evaluate(once, Request("s3:GetObject", "arn:aws:s3:::b/x")).effect == IMPLICIT_DENY
    denied = parse_policy({"Statement": [allow("s3:*"), deny("s3:*", Condition=tagged)]})
    unsure = evaluate(denied, Request("s3:GetObject", "arn:aws:s3:::b/x", partial=True))
    assert (unsure.allowed, unsure.certain) == (True, False)
    closed = evaluate(parse_policy({"Statement": []}), Request("s3:GetObject", "*", partial=True))
    assert (closed.effect, closed.certain) == (IMPLICIT_DENY, True)


def test_a_resource_may_name_the_caller():
    own = parse_policy({"Statement": [allow("s3:GetObject", "arn:aws:s3:::home/${aws:username}/*")]})
    context = {"aws:username": "kim"}
    assert evaluate(own, Request("s3:GetObject", "arn:aws:s3:::home/kim/x", context)).allowed
    assert not evaluate(own, Request("s3:GetObject", "arn:aws:s3:::home/lee/x", context)).allowed
    assert not evaluate(own, Request("s3:GetObject", "arn:aws:s3:::home/kim/x")).allowed
