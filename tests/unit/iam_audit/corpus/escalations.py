"""Ways from a few rights to many: each path of the table by itself, and each path just closed."""

from functions.iam_audit.escalation_paths import ESCALATION_PATHS, PASS_ROLE
from functions.iam_audit.snapshot import Function
from tests.unit.iam_audit.account_documents import (
    ACCOUNT,
    account,
    allow,
    deny,
    group,
    managed_policy,
    role,
    user,
)
from tests.unit.iam_audit.corpus.case import Case, bad, near

ANY_ROLE = f"arn:aws:iam::{ACCOUNT}:role/*"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/limit"
FINDS = {
    "own": "writes-permissions",
    "others": "writes-permissions",
    "launch": "launches-under-any-role",
    "code": "changes-privileged-code",
    "compute": "reaches-running-compute",
}
ELSEWHERE = {"StringEquals": {"iam:PassedToService": "elsewhere.amazonaws.com"}}


def every(action):
    """Every resource of a kind: wide, but not the star that other checks look for."""
    service, _, name = action.partition(":")
    if service == "ec2-instance-connect":
        return f"arn:aws:ec2:*:{ACCOUNT}:instance/*"
    if service != "iam":
        return f"arn:aws:{service}:*:{ACCOUNT}:kind/*"
    kinds = {"SAML": "saml-provider", "OpenIDConnect": "oidc-provider", "Policy": "policy"}
    for word, kind in {"Group": "group", "User": "user", "Role": "role", **kinds}.items():
        if word in name:
            return f"arn:aws:iam::{ACCOUNT}:{kind}/*"
    return f"arn:aws:iam::{ACCOUNT}:user/*"


def one(action):
    """One resource that is not the role itself, and no administrator."""
    return (
        every(action).replace("*", "other")
        if action.startswith("iam:")
        else every(action).replace("/*", "/other")
    )


def opening(path, resources=every, **passing):
    """The statements that open the path, and no more."""
    return [
        allow(action, ANY_ROLE, **passing) if action == PASS_ROLE else allow(action, resources(action))
        for action in path.actions
    ]


def finds(path):
    return FINDS[path.kind] + (" pass-any-role" if PASS_ROLE in path.actions else "")


def others(path):
    """What is found of a path whose last step is closed."""
    return "pass-any-role" if PASS_ROLE in path.actions else ""


# Configurations of functions are both a way to another role and to other code.
BOTH = {path.needs for path in ESCALATION_PATHS if path.kind == "code"}


def also_code(path):
    calls = path.needs - {PASS_ROLE.lower()}
    return " changes-privileged-code" if path.kind == "launch" and any(code <= calls for code in BOTH) else ""


PATHS = tuple(
    case
    for path in ESCALATION_PATHS
    for case in (
        bad(f"{path.kind} {path.id}", finds(path) + also_code(path), *opening(path)),
        near(
            f"{path.kind} {path.id}, last action denied",
            FINDS[path.kind],
            *opening(path),
            deny(path.actions[-1]),
            also=others(path),
        ),
        near(
            f"{path.kind} {path.id}, not in the boundary",
            FINDS[path.kind],
            *opening(path),
            boundary=BOUNDARY,
            policies=[
                managed_policy("limit", allow(["s3:GetObject", "logs:PutLogEvents"], "arn:aws:s3:::b/*"))
            ],
        ),
    )
)
LAUNCHES = tuple(
    case
    for path in ESCALATION_PATHS
    if path.kind == "launch"
    for case in (
        bad(
            f"{path.id}, to its own service",
            finds(path) + also_code(path),
            *opening(path, Condition={"StringEquals": {"iam:PassedToService": path.services[0]}}),
        ),
        near(
            f"{path.id}, to another service",
            "launches-under-any-role",
            *opening(path, Condition=ELSEWHERE),
            also="pass-any-role" + also_code(path),
        ),
    )
)
NAMED = tuple(
    near(f"{path.kind} {path.id}, on one that is weak", FINDS[path.kind], *opening(path, one))
    for path in ESCALATION_PATHS
    if path.kind in ("own", "others", "code", "compute")
)

ADMINISTRATOR = allow("*")
LAMBDA_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
ROOT_TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "sts:AssumeRole",
}
STRONG = f"arn:aws:iam::{ACCOUNT}:role/strong"
TO_LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def with_strong(label, finds_, *statements, trust=(LAMBDA_TRUST,), nearly=None, more=(), functions=()):
    """A worker beside an administrator role, which is found for what it is."""
    strong = role("strong", ADMINISTRATOR, trust=trust)
    roles = account(strong, role("worker", *statements), *more, functions=functions)
    return Case(label, roles, frozenset({"administrator-access", *finds_.split()}), nearly)


CREATE = allow("lambda:CreateFunction", f"arn:aws:lambda:*:{ACCOUNT}:function:f")
MIDDLE = f"arn:aws:iam::{ACCOUNT}:role/middle"
MIDDLE_TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"},
    "Action": "sts:AssumeRole",
}


def function_with(role_arn):
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    return (Function(arn, "f", "python3.13", in_vpc=True, environment={}, role_arn=role_arn),)


CHANGE_F = allow("lambda:UpdateFunctionCode", f"arn:aws:lambda:*:{ACCOUNT}:function:f")

STRONG_ROLES = (
    with_strong(
        "changes the administrator's function",
        "changes-privileged-code",
        CHANGE_F,
        functions=function_with(STRONG),
    ),
    with_strong(
        "changes a weak role's function",
        "",
        CHANGE_F,
        functions=function_with(MIDDLE),
        nearly="changes-privileged-code",
    ),
    with_strong(
        "passes the administrator",
        "launches-under-administrator",
        allow("iam:PassRole", STRONG, Condition=TO_LAMBDA),
        CREATE,
    ),
    with_strong(
        "passes it, by a pattern",
        "launches-under-administrator",
        allow("iam:PassRole", STRONG[:-2] + "*", Condition=TO_LAMBDA),
        CREATE,
    ),
    with_strong(
        "it trusts another service",
        "",
        allow("iam:PassRole", STRONG, Condition=TO_LAMBDA),
        CREATE,
        trust=({**LAMBDA_TRUST, "Principal": {"Service": "ec2.amazonaws.com"}},),
        nearly="launches-under-administrator",
    ),
    with_strong(
        "nothing to call",
        "",
        allow("iam:PassRole", STRONG, Condition=TO_LAMBDA),
        nearly="launches-under-administrator",
    ),
    with_strong(
        "may not pass it",
        "",
        allow("iam:PassRole", STRONG, Condition=TO_LAMBDA),
        CREATE,
        deny("iam:PassRole", STRONG),
        nearly="launches-under-administrator",
    ),
    with_strong(
        "takes the administrator",
        "chain-to-administrator",
        allow("sts:AssumeRole", STRONG),
        trust=(ROOT_TRUST,),
    ),
    with_strong(
        "is named by it",
        "chain-to-administrator",
        allow("s3:GetObject", "arn:aws:s3:::b/*"),
        trust=({**ROOT_TRUST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"}},),
    ),
    with_strong(
        "in two steps",
        "chain-to-administrator",
        allow("s3:GetObject", "arn:aws:s3:::b/*"),
        trust=(ROOT_TRUST,),
        more=(role("middle", allow("sts:AssumeRole", STRONG), trust=(MIDDLE_TRUST,)),),
    ),
    with_strong(
        "it trusts services only", "", allow("sts:AssumeRole", STRONG), nearly="chain-to-administrator"
    ),
    with_strong(
        "takes another role",
        "",
        allow("sts:AssumeRole", MIDDLE),
        trust=(ROOT_TRUST,),
        nearly="chain-to-administrator",
    ),
    with_strong(
        "denied",
        "",
        allow("sts:AssumeRole", STRONG),
        deny("sts:*"),
        trust=(ROOT_TRUST,),
        nearly="chain-to-administrator",
    ),
    with_strong(
        "rewrites who may take it", "writes-permissions", allow("iam:UpdateAssumeRolePolicy", STRONG)
    ),
    with_strong(
        "rewrites who may take another",
        "",
        allow("iam:UpdateAssumeRolePolicy", MIDDLE),
        nearly="writes-permissions",
    ),
)

KEEPER = f"arn:aws:iam::{ACCOUNT}:role/keeper"
WRITE_ROLES = allow("iam:PutRolePolicy", ANY_ROLE)
TAKE_KEEPER = allow("sts:AssumeRole", KEEPER)


def beside_keeper(label, finds_, *roles, writes=WRITE_ROLES, nearly=None, **more):
    """Others beside a role that is no administrator, and may write its own permissions."""
    trust = more.pop("trust", (ROOT_TRUST,))
    keeper = role("keeper", writes, trust=trust)
    return Case(label, account(keeper, *roles, **more), frozenset(finds_.split()), nearly)


TAKES_A_ROLE = (
    beside_keeper(
        "takes a role that may write its own permissions",
        "writes-permissions chain-to-administrator",
        role("worker", TAKE_KEEPER),
    ),
    beside_keeper(
        "is named by a role that may attach policies to itself",
        "writes-permissions chain-to-administrator",
        role("worker", allow("s3:GetObject", "arn:aws:s3:::b/*")),
        writes=allow("iam:AttachRolePolicy", KEEPER),
        trust=({**ROOT_TRUST, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/worker"}},),
    ),
    beside_keeper(
        "a user takes it in two steps",
        "writes-permissions chain-to-administrator inline-policy",
        role("middle", TAKE_KEEPER, trust=(ROOT_TRUST,)),
        users=[user("kim", allow("sts:AssumeRole", MIDDLE))],
    ),
    beside_keeper(
        "may take it, but a Deny closes it",
        "writes-permissions",
        role("worker", TAKE_KEEPER, deny("sts:AssumeRole", KEEPER)),
        nearly="chain-to-administrator",
    ),
    beside_keeper(
        "the role trusts services only",
        "writes-permissions",
        role("worker", TAKE_KEEPER),
        trust=(LAMBDA_TRUST,),
        nearly="chain-to-administrator",
    ),
    beside_keeper(
        "the role may write others' permissions only, and these are weak",
        "",
        role("worker", TAKE_KEEPER),
        writes=allow("iam:PutRolePolicy", MIDDLE),
        nearly="chain-to-administrator",
    ),
    beside_keeper(
        "takes another role than that",
        "writes-permissions",
        role("worker", allow("sts:AssumeRole", MIDDLE)),
        nearly="chain-to-administrator",
    ),
)

SELF = f"arn:aws:iam::{ACCOUNT}:role/worker"
OWN = (
    bad("writes to itself", "writes-permissions", allow("iam:PutRolePolicy", SELF)),
    bad(
        "writes from the office",
        "writes-permissions resource-exposure",
        allow("iam:PutRolePolicy", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ),
    near(
        "demands a boundary",
        "writes-permissions",
        allow(
            "iam:PutRolePolicy", ANY_ROLE, Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        ),
    ),
    near(
        "attaches one policy",
        "writes-permissions",
        allow(
            "iam:AttachRolePolicy",
            ANY_ROLE,
            Condition={"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
        ),
    ),
    bad(
        "attaches the strongest policy",
        "writes-permissions",
        allow(
            "iam:AttachRolePolicy",
            ANY_ROLE,
            Condition={"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/A*"}},
        ),
    ),
    near(
        "roles of a path",
        "writes-permissions",
        allow(["iam:PutRolePolicy", "iam:AttachRolePolicy"], f"arn:aws:iam::{ACCOUNT}:role/apps/*"),
    ),
    Case(
        "its own keys",
        account(
            users=[user("kim", groups=["staff"])],
            groups=[group("staff", allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}"))],
        ),
        frozenset({"inline-policy"}),
        "writes-permissions",
    ),
    Case(
        "its own policies",
        account(users=[user("kim", allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}"))]),
        frozenset({"inline-policy", "writes-permissions"}),
    ),
    near(
        "machines by tag",
        "reaches-running-compute",
        allow(
            "ssm:StartSession",
            f"arn:aws:ec2:*:{ACCOUNT}:instance/*",
            Condition={"StringEquals": {"aws:ResourceTag/team": "ml"}},
        ),
    ),
    near(
        "functions by name",
        "changes-privileged-code",
        allow("lambda:UpdateFunctionCode", f"arn:aws:lambda:*:{ACCOUNT}:function:shop-*"),
    ),
)

CASES = (*PATHS, *LAUNCHES, *NAMED, *STRONG_ROLES, *TAKES_A_ROLE, *OWN)
