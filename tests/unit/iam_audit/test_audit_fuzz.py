"""Any saved account is audited or refused with a sentence, and no fault of it is unexpected."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.common.documents import check_document
from functions.iam_audit.reading.authorization_details import AuthorizationDetailsError
from functions.iam_audit.reading.saved import audit_saved
from functions.iam_audit.settings import Settings
from tests.support.fuzzing import json_values, nested, texts
from tests.unit.iam_audit.account_documents import (
    ACCOUNT,
    allow,
    attachment,
    details,
    group,
    managed_policy,
    role,
    user,
)

SETTINGS = Settings(data_bucket="", pipeline_role_path="/dropserve/")
ROOT_TRUST = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "sts:AssumeRole",
    "Condition": {"StringEquals": {"sts:ExternalId": "x"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
}
PASSING = allow(["iam:PassRole", "lambda:CreateFunction"], Condition={"Bool": {"aws:SecureTransport": True}})
WHOLE = details(
    role("strong", allow("*"), trust=(ROOT_TRUST,), used="2026-11-20T08:00:00+00:00"),
    role("worker", PASSING, attached=(attachment("own", ACCOUNT), attachment("AdministratorAccess"))),
    users=[user("kim", allow("iam:*", "arn:aws:iam::*:user/${aws:username}"), groups=["staff"])],
    groups=[group("staff", {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::b/*"})],
    policies=[managed_policy("own", allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/strong"))],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


PLACES = [place for place in places(WHOLE) if place]
MISSING = object()
near_values = st.sampled_from(
    ["Allow", "Deny", "*", "", "arn:aws:iam::1:role/x", "${aws:username}", "2026-11-20", {}, []]
)
changes = st.lists(
    st.tuples(st.sampled_from(PLACES), st.just(MISSING) | near_values | texts | json_values),
    min_size=1,
    max_size=3,
)


def changed(document: Any, place: tuple[Any, ...], value: Any) -> None:
    """Put something else there, if an earlier change has left the place."""
    *way, last = place
    try:
        for key in way:
            document = document[key]
        if value is MISSING:
            del document[last]
        else:
            document[last] = value
    except (KeyError, IndexError, TypeError):
        pass


def audited(file: Path) -> str:
    """The report is one by its schema, or the refusal one sentence of the file."""
    try:
        report = audit_saved(file, SETTINGS)
    except AuthorizationDetailsError as error:
        assert len(str(error)) > 10
        return str(error)
    check_document("audit", report)
    json.dumps(report)
    return ""


@given(changes)
def test_any_change_of_an_account_is_audited_or_refused(
    tmp_path: Path, made: list[tuple[tuple[Any, ...], Any]]
) -> None:
    document = copy.deepcopy(WHOLE)
    for place, value in made:
        changed(document, place, value)
    file = tmp_path / "account.json"
    file.write_text(json.dumps(document))
    audited(file)


@given(json_values | st.fixed_dictionaries(dict.fromkeys(WHOLE, json_values)))
def test_any_json_is_audited_or_refused(tmp_path: Path, document: Any) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(document))
    audited(file)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "account.json"
    file.write_bytes(content)
    assert audited(file)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"Statement":[', "]}")])
@pytest.mark.parametrize(
    "inside", ["{}", '{"RoleDetailList": [], "UserDetailList": {}, "GroupDetailList": [], "Policies": []}']
)
def test_an_account_that_is_nested_too_deeply_is_refused(
    tmp_path: Path, opening: str, closing: str, inside: str
) -> None:
    deep = nested(100_000, opening, closing).replace(opening + closing, opening + "1" + closing)
    file = tmp_path / "account.json"
    file.write_text(deep if inside == "{}" else inside.replace("{}", deep))
    assert audited(file)


@pytest.mark.parametrize("depth", [100, 500, 900, 2_000, 100_000])
def test_a_policy_that_is_nested_too_deeply_is_a_gap_or_refused(tmp_path: Path, depth: int) -> None:
    """As text inside the document, as IAM's API sends policies, it is read by itself."""
    document = copy.deepcopy(WHOLE)
    document["RoleDetailList"][0]["AssumeRolePolicyDocument"] = '{"Statement":' + nested(depth) + "}"
    file = tmp_path / "account.json"
    file.write_text(json.dumps(document))
    audited(file)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (("RoleDetailList", 0, "Path"), {}, "RoleDetailList[0].Path must be text, not {}"),
        (
            ("RoleDetailList", 1, "Arn"),
            "arn:aws",
            "RoleDetailList[1].Arn must be the ARN of something in IAM, not 'arn:aws'",
        ),
        (
            ("UserDetailList", 0, "GroupList"),
            "staff",
            "UserDetailList[0].GroupList must be a list, not 'staff'",
        ),
        (("UserDetailList", 0, "UserName"), MISSING, "UserDetailList[0] has no UserName"),
        (
            ("Policies", 0, "AttachmentCount"),
            "two",
            "Policies[0].AttachmentCount must be a number, not 'two'",
        ),
        (
            ("GroupDetailList", 0, "GroupPolicyList", 0, "PolicyDocument"),
            None,
            "GroupDetailList[0].GroupPolicyList[0].PolicyDocument must be a policy, not None",
        ),
    ],
)
def test_what_is_wrong_and_where_is_told(
    tmp_path: Path, place: tuple[Any, ...], value: Any, sentence: str
) -> None:
    document = copy.deepcopy(WHOLE)
    changed(document, place, value)
    file = tmp_path / "account.json"
    file.write_text(json.dumps(document))
    assert sentence in audited(file)
