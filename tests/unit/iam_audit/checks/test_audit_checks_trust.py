import pytest

from tests.unit.iam_audit.account_documents import ACCOUNT, LAMBDA_TRUST, account, found, role

OTHER = "999999999999"
OWN_ORGANISATION = {"StringEquals": {"aws:PrincipalOrgID": "o-12345"}}
EXTERNAL_ID = {"StringEquals": {"sts:ExternalId": "a-shared-word"}}


def trust(principal, **more):
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def trusting(*statements):
    return account(role("open", trust=statements))


@pytest.mark.parametrize(
    "statement",
    [
        trust("*"),
        trust({"AWS": "*"}),
        trust({"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]}),
        trust("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        trust("*", Condition={"StringLike": {"aws:PrincipalArn": "*"}}),
        trust("*", Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}),
        {
            "Effect": "Allow",
            "NotPrincipal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
            "Action": "sts:AssumeRole",
        },
    ],
)
def test_trust_in_anybody_is_critical(statement):
    (finding,) = found("any-principal-trust", trusting(statement))
    assert finding["severity"] == "critical"


@pytest.mark.parametrize(
    "statements",
    [
        [LAMBDA_TRUST],
        [trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})],
        [trust("*", Condition=OWN_ORGANISATION)],
        [trust("*"), {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}],
        [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}],
    ],
)
def test_trust_in_somebody_is_not_trust_in_anybody(statements):
    assert found("any-principal-trust", trusting(*statements)) == []


def test_trust_in_anybody_that_meets_a_condition_is_milder():
    (finding,) = found("any-principal-trust-with-condition", trusting(trust("*", Condition=OWN_ORGANISATION)))
    assert finding["severity"] == "medium"
    assert "aws:principalorgid" in finding["reason"]
    assert found("any-principal-trust-with-condition", trusting(trust("*"))) == []


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{OTHER}:root",
        OTHER,
        f"arn:aws:iam::{OTHER}:role/x",
        f"arn:aws:sts::{OTHER}:assumed-role/x/y",
    ],
)
def test_another_account_without_an_external_id_is_found(principal):
    (finding,) = found("cross-account-trust", trusting(trust({"AWS": principal})))
    assert OTHER in finding["reason"]


@pytest.mark.parametrize(
    "statement",
    [
        trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        trust({"AWS": ACCOUNT}),
        trust({"AWS": OTHER}, Condition=EXTERNAL_ID),
        trust({"AWS": OTHER}, Condition=OWN_ORGANISATION),
        trust({"AWS": "AROAEXAMPLEOFADELETEDROLE"}),
        trust("*"),
    ],
)
def test_own_account_external_id_and_own_organisation_are_fine(statement):
    assert found("cross-account-trust", trusting(statement)) == []


def test_a_service_that_can_name_its_source_should():
    (finding,) = found("service-trust-without-source", trusting(trust({"Service": ["states.amazonaws.com"]})))
    assert finding["severity"] == "low"


@pytest.mark.parametrize(
    "statement",
    [
        LAMBDA_TRUST,
        trust({"Service": "ec2.amazonaws.com"}),
        trust(
            {"Service": "states.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        ),
        trust(
            {"Service": "sagemaker.amazonaws.com"},
            Condition={"ArnLike": {"aws:SourceArn": "arn:aws:sagemaker:*:1:*"}},
        ),
    ],
)
def test_a_service_with_a_source_or_without_the_means_is_fine(statement):
    assert found("service-trust-without-source", trusting(statement)) == []
