"""Identities out of use, managed policies, keys and passwords."""

from dataclasses import replace
from datetime import UTC, datetime

from functions.iam_audit.snapshot import Credentials, ServiceUse
from tests.unit.iam_audit.account_documents import (
    ACCOUNT,
    NOW,
    account,
    allow,
    attachment,
    group,
    managed_policy,
    role,
    user,
)
from tests.unit.iam_audit.corpus.case import Case

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
LATELY = datetime(2026, 11, 20, tzinfo=UTC)
OLD = "2020-01-01T00:00:00+00:00"


def bad(label, finds, account_):
    return Case(label, account_, frozenset(finds.split()))


def near(label, nearly, account_, also=""):
    return Case(label, account_, frozenset(also.split()), nearly)


def uses(created, *used):
    worker = role("worker", created=created, used=LATELY.isoformat())
    arn = worker["Arn"]
    return account(worker, service_uses=tuple(ServiceUse(arn, service, at) for service, at in used))


def policies(*managed, attached=True):
    attachments = [attachment(each["PolicyName"], ACCOUNT) for each in managed] if attached else []
    return account(role("worker", attached=attachments), policies=managed)


def versions(default, *others):
    managed = managed_policy("team", allow("s3:GetObject", "arn:aws:s3:::b/*"))
    listed = [{"VersionId": each, "IsDefaultVersion": False, "Document": {}} for each in others]
    own = {**managed["PolicyVersionList"][1], "VersionId": default}
    return {**managed, "PolicyVersionList": [own, *listed]}


def person(**changes):
    kim = Credentials(
        arn=f"arn:aws:iam::{ACCOUNT}:user/kim",
        name="kim",
        created_at=LONG_AGO,
        password=False,
        password_used_at=None,
        mfa=True,
    )
    return account(credentials=(replace(kim, **changes),))


def root(**changes):
    return person(arn=f"arn:aws:iam::{ACCOUNT}:root", name="<root_account>", **changes)


ROLES = (
    bad("never used, old", "unused-role", account(role("worker", created=OLD))),
    bad("used long ago", "unused-role", account(role("worker", created=OLD, used=LONG_AGO.isoformat()))),
    near("used lately", "unused-role", account(role("worker", created=OLD, used=LATELY.isoformat()))),
    near("never used, new", "unused-role", account(role("worker", created=LATELY.isoformat()))),
    bad("a service never used", "unused-permissions", uses(OLD, ("s3", LATELY), ("sqs", None))),
    bad("a service used long ago", "unused-permissions", uses(OLD, ("sqs", LONG_AGO))),
    near("all used", "unused-permissions", uses(OLD, ("s3", LATELY))),
    near("a new role", "unused-permissions", uses(LATELY.isoformat(), ("s3", None))),
)

POLICIES = (
    bad("rolled back", "old-policy-version", policies(versions("v2", "v3", "v1"))),
    bad("ten is newer than nine", "old-policy-version", policies(versions("v9", "v10"))),
    near("the newest", "old-policy-version", policies(versions("v10", "v9", "v2"))),
    near(
        "AWS's own",
        "old-policy-version",
        account(role("worker"), policies=[{**versions("v1", "v2"), "Arn": "arn:aws:iam::aws:policy/team"}]),
    ),
    bad(
        "replaced by AWS",
        "deprecated-policy",
        account(role("worker", attached=[attachment("AmazonEC2RoleforSSM")])),
    ),
    bad(
        "withdrawn by AWS",
        "deprecated-policy",
        account(
            role("worker", attached=[attachment("Old")]),
            policies=[
                {**managed_policy("Old", allow("s3:ListAllMyBuckets"), owner="aws"), "IsAttachable": False}
            ],
        ),
    ),
    near(
        "its successor",
        "deprecated-policy",
        account(role("worker", attached=[attachment("AmazonSSMManagedInstanceCore")])),
    ),
    near(
        "of the account's own",
        "deprecated-policy",
        account(role("worker", attached=[attachment("AmazonEC2RoleforSSM", ACCOUNT)])),
    ),
    bad(
        "attached to nothing",
        "unattached-policy",
        policies({**managed_policy("team"), "AttachmentCount": 0}, attached=False),
    ),
    near(
        "a boundary",
        "unattached-policy",
        policies(
            {**managed_policy("team"), "AttachmentCount": 0, "PermissionsBoundaryUsageCount": 1},
            attached=False,
        ),
    ),
    near("attached", "unattached-policy", policies({**managed_policy("team"), "AttachmentCount": 1})),
    bad("a user's", "inline-policy", account(users=[user("kim", allow("s3:ListAllMyBuckets"))])),
    bad("a group's", "inline-policy", account(groups=[group("staff", allow("s3:ListAllMyBuckets"))])),
    near("a role's", "inline-policy", account(role("worker", allow("s3:ListAllMyBuckets")))),
    near("a managed one", "inline-policy", account(users=[user("kim", attached=[attachment("ReadThings")])])),
)

KEYS = (
    bad("root has a key", "root-access-key", root(keys=((LATELY, None),))),
    near("root has none", "root-access-key", root()),
    bad("root has a password alone", "root-without-mfa", root(password=True, mfa=False)),
    near("root has MFA", "root-without-mfa", root(password=True)),
    near("root has no password", "root-without-mfa", root(mfa=False)),
    bad(
        "a password alone", "password-without-mfa", person(password=True, mfa=False, password_used_at=LATELY)
    ),
    near("with MFA", "password-without-mfa", person(password=True, password_used_at=LATELY)),
    near("no password", "password-without-mfa", person(mfa=False)),
    bad("password used long ago", "unused-password", person(password=True, password_used_at=LONG_AGO)),
    bad("password never used", "unused-password", person(password=True)),
    near("password never used, new", "unused-password", person(password=True, created_at=LATELY)),
    bad("key used long ago", "unused-access-key", person(keys=((LONG_AGO, LONG_AGO),))),
    bad("key never used", "unused-access-key", person(keys=((LONG_AGO, None),))),
    near("key never used, new", "unused-access-key", person(keys=((LATELY, None),))),
    bad("an old key in use", "old-access-key", person(keys=((LONG_AGO, LATELY),))),
    near("a new key in use", "old-access-key", person(keys=((LATELY, NOW),))),
)

CASES = (*ROLES, *POLICIES, *KEYS)
