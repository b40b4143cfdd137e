import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.iam_audit.policy.patterns import covers, matches, matches_action
from functions.iam_audit.policy.policies import PolicyError, parse_policy
from tests.unit.iam_audit.account_documents import allow, encoded, policy


@pytest.mark.parametrize("form", [lambda it: it, json.dumps, encoded], ids=["mapping", "json", "url-encoded"])
def test_a_policy_reads_alike_in_every_form(form):
    document = policy(allow("s3:GetObject", "arn:aws:s3:::b/a%2Fb+c"))
    (statement,) = parse_policy(form(document))
    assert (statement.actions, statement.resources) == (("s3:GetObject",), ("arn:aws:s3:::b/a%2Fb+c",))


def test_single_statement_and_single_strings_read_as_lists():
    (statement,) = parse_policy(
        {
            "Statement": {
                "Effect": "Deny",
                "NotAction": "iam:*",
                "NotResource": ["a", "b"],
                "NotPrincipal": {"AWS": "arn:aws:iam::1:root"},
                "Principal": "*",
                "Condition": {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"s3:max-keys": 5}},
            }
        }
    )
    assert not statement.is_allow
    assert statement.not_actions == ("iam:*",)
    assert statement.not_resources == ("a", "b")
    assert statement.principals == {"AWS": ("*",)}
    assert statement.not_principals == {"AWS": ("arn:aws:iam::1:root",)}
    assert [(each.operator, each.key, each.values) for each in statement.conditions] == [
        ("bool", "aws:securetransport", ("false",)),
        ("numericlessthan", "s3:max-keys", ("5",)),
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("not json", "not JSON"),
        ("[]", "JSON object"),
        ({"Statement": [{"Effect": "allow"}]}, "Effect"),
        ({"Statement": ["x"]}, "Effect"),
        ({"Statement": [{"Effect": "Allow", "Condition": {"StringEquals": "x"}}]}, "Condition"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_cause(document, message):
    with pytest.raises(PolicyError, match=message):
        parse_policy(document)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::bb/x", False),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/x", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/xy", False),
        ("arn:aws:s3:::b/[x]", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::B/x", "arn:aws:s3:::b/x", False),
    ],
)
def test_resources_match_as_in_iam(pattern, value, expected):
    assert matches(pattern, value) is expected


def test_actions_match_in_any_case():
    assert matches_action("S3:get*", "s3:GetObject")
    assert not matches_action("s3:Get*", "s3:PutObject")


@pytest.mark.parametrize(
    ("wider", "narrower", "expected"),
    [
        ("*", "s3:*", True),
        ("s3:*", "s3:Get*", True),
        ("s3:Get*", "s3:*", False),
        ("a?", "a*", False),
        ("a*", "a?", True),
    ],
)
def test_covering(wider, narrower, expected):
    assert covers(wider, narrower) is expected


_TEXT = st.text(alphabet="ab*?", max_size=6)


@given(wider=_TEXT, narrower=_TEXT, value=st.text(alphabet="ab", max_size=6))
def test_what_a_covered_pattern_matches_the_covering_one_matches(wider, narrower, value):
    if covers(wider, narrower) and matches(narrower, value):
        assert matches(wider, value)


@pytest.mark.parametrize(
    ("condition", "narrows"),
    [
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}}, True),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}, False),
        ({"ForAllValues:StringEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"StringLike": {"aws:SourceAccount": "*"}}, False),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, False),
        ({"StringEquals": {"aws:SourceAccount": []}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
    ],
)
def test_only_a_condition_that_lists_values_narrows(condition, narrows):
    (statement,) = parse_policy(policy(allow("sts:AssumeRole", Condition=condition)))
    assert statement.conditions[0].narrows is narrows
