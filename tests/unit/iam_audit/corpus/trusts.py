"""Who may take a role."""

from tests.unit.iam_audit.account_documents import ACCOUNT, account, role
from tests.unit.iam_audit.corpus.case import Case

OTHER = "999999999999"
HUB = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider"


def statement(principal, action="sts:AssumeRole", **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


def bad(label, finds, *statements):
    return Case(label, account(role("open", trust=statements)), frozenset(finds.split()))


def near(label, nearly, *statements, also=""):
    return Case(label, account(role("open", trust=statements)), frozenset(also.split()), nearly)


def web(condition, provider=HUB):
    return statement(
        {"Federated": f"{PROVIDER}/{provider}"}, "sts:AssumeRoleWithWebIdentity", Condition=condition
    )


def like(value, provider=HUB):
    return web({"StringLike": {f"{provider}:sub": value}}, provider)


CASES = (
    bad("anybody", "any-principal-trust", statement("*")),
    bad(
        "anybody with MFA",
        "any-principal-trust",
        statement("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ),
    bad(
        "anybody but one",
        "any-principal-trust",
        {"Effect": "Allow", "NotPrincipal": {"AWS": OTHER}, "Action": "sts:AssumeRole"},
    ),
    near(
        "closed again",
        "any-principal-trust",
        statement("*"),
        {"Effect": "Deny", "Principal": "*", "Action": "sts:*"},
    ),
    near("an account's own", "any-principal-trust", statement({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})),
    bad(
        "anybody of the organisation",
        "any-principal-trust-with-condition",
        statement("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    ),
    near(
        "one account of the organisation",
        "any-principal-trust-with-condition",
        statement({"AWS": OTHER}, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    ),
    near(
        "a service of the account",
        "any-principal-trust-with-condition",
        statement(
            {"Service": "events.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        ),
    ),
    bad("another account", "cross-account-trust", statement({"AWS": f"arn:aws:iam::{OTHER}:root"})),
    bad(
        "a role of another account", "cross-account-trust", statement({"AWS": f"arn:aws:iam::{OTHER}:role/x"})
    ),
    bad(
        "an external id that may be missing",
        "cross-account-trust",
        statement({"AWS": OTHER}, Condition={"StringEqualsIfExists": {"sts:ExternalId": "x"}}),
    ),
    near(
        "with an external id",
        "cross-account-trust",
        statement({"AWS": OTHER}, Condition={"StringEquals": {"sts:ExternalId": "x"}}),
    ),
    near("the same account's id", "cross-account-trust", statement({"AWS": ACCOUNT})),
    bad(
        "a service for anyone",
        "service-trust-without-source",
        statement({"Service": "scheduler.amazonaws.com"}),
    ),
    bad(
        "one of two services",
        "service-trust-without-source",
        statement({"Service": ["ec2.amazonaws.com", "states.amazonaws.com"]}),
    ),
    near(
        "for this account",
        "service-trust-without-source",
        statement(
            {"Service": "scheduler.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        ),
    ),
    near(
        "for this rule",
        "service-trust-without-source",
        statement(
            {"Service": "events.amazonaws.com"},
            Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:events:*:{ACCOUNT}:rule/r"}},
        ),
    ),
    near("EC2 cannot say", "service-trust-without-source", statement({"Service": "ec2.amazonaws.com"})),
    bad("everybody on GitHub", "federated-trust-without-subject", like("repo:*")),
    bad("any owner's repository of a name", "federated-trust-without-subject", like("repo:*/app:*")),
    bad(
        "an audience only",
        "federated-trust-without-subject",
        web({"StringEquals": {f"{HUB}:aud": "sts.amazonaws.com"}}),
    ),
    bad(
        "any pod of a cluster",
        "federated-trust-without-subject",
        web(
            {"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/A:aud": "sts.amazonaws.com"}},
            "oidc.eks.eu-west-1.amazonaws.com/id/A",
        ),
    ),
    bad(
        "any user pool",
        "federated-trust-without-subject",
        statement({"Federated": "cognito-identity.amazonaws.com"}, "sts:AssumeRoleWithWebIdentity"),
    ),
    near("an owner's repositories", "federated-trust-without-subject", like("repo:team/*")),
    near(
        "one branch",
        "federated-trust-without-subject",
        web({"StringEquals": {f"{HUB}:sub": "repo:team/app:ref:refs/heads/main"}}),
    ),
    near(
        "one service account",
        "federated-trust-without-subject",
        like("system:serviceaccount:ml:*", "oidc.eks.eu-west-1.amazonaws.com/id/A"),
    ),
    near(
        "one identity pool",
        "federated-trust-without-subject",
        statement(
            {"Federated": "cognito-identity.amazonaws.com"},
            "sts:AssumeRoleWithWebIdentity",
            Condition={"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:pool"}},
        ),
    ),
    near(
        "SAML",
        "federated-trust-without-subject",
        statement({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/office"}, "sts:AssumeRoleWithSAML"),
    ),
    bad("a deleted role", "deleted-principal-trust", statement({"AWS": "AROAEXAMPLEOFADELETED"})),
    bad(
        "a deleted user among others",
        "deleted-principal-trust",
        statement({"AWS": ["AIDAEXAMPLEOFADELETED", ACCOUNT]}),
    ),
    bad(
        "a role that is not there",
        "deleted-principal-trust",
        statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/gone"}),
    ),
    near("itself", "deleted-principal-trust", statement({"AWS": f"arn:aws:iam::{ACCOUNT}:role/open"})),
    near(
        "another account's role",
        "deleted-principal-trust",
        statement(
            {"AWS": f"arn:aws:iam::{OTHER}:role/x"}, Condition={"StringEquals": {"sts:ExternalId": "x"}}
        ),
    ),
)
