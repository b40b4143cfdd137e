"""IAM itself: who there is and may do what, whose keys lie idle, which services are really used."""

import time
from datetime import datetime
from typing import Any

from functions.iam_audit.reading.authorization_details import (
    LISTS,
    AuthorizationDetailsError,
    account_from_authorization_details,
)
from functions.iam_audit.reading.credential_report import CredentialReportError, parse_credential_report
from functions.iam_audit.reading.sweep import Sweep
from functions.iam_audit.snapshot import IAM_GAP, Account, Credentials, Role, ServiceUse

# Two calls for each role, and AWS makes each of these reports anew.
MAX_ROLES_WITH_USES = 100
_WAIT_S = 30.0
_POLL_S = 1.0


def read_identities(sweep: Sweep, taken_at: datetime) -> Account:
    """The account of every page of GetAccountAuthorizationDetails."""
    details: dict[str, list[Any]] = {name: [] for name in LISTS}
    # The list's largest page: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
    for page in sweep.pages("iam", "get_account_authorization_details", PaginationConfig={"PageSize": 1000}):
        for name in LISTS:
            details[name].extend(page.get(name, ()))
    try:
        return account_from_authorization_details(details, taken_at=taken_at)
    except AuthorizationDetailsError as error:
        sweep.gap(IAM_GAP, str(error))
        return Account(account_id=None, taken_at=taken_at)


def read_credentials(sweep: Sweep) -> tuple[Credentials, ...]:
    """The credential report, made anew when the last one is older than four hours (IAM decides)."""
    deadline = time.monotonic() + _WAIT_S
    while (answer := sweep.detail("iam", "generate_credential_report")) is not None:
        if answer["State"] == "COMPLETE":
            report = sweep.detail("iam", "get_credential_report")
            return _parsed(sweep, report["Content"]) if report else ()
        if time.monotonic() > deadline:
            sweep.gap("iam:GetCredentialReport", f"the report was not ready after {_WAIT_S:.0f} s")
            break
        time.sleep(_POLL_S)
    return ()


def _parsed(sweep: Sweep, content: bytes) -> tuple[Credentials, ...]:
    try:
        return parse_credential_report(content)
    except CredentialReportError as error:
        sweep.gap("iam:GetCredentialReport", str(error))
        return ()


def read_service_uses(sweep: Sweep, roles: tuple[Role, ...]) -> tuple[ServiceUse, ...]:
    """Which services the roles in use may call, and when each last did. Idle roles have their own check."""
    in_use = [role for role in roles if role.last_used_at is not None]
    in_use.sort(key=lambda role: role.last_used_at or role.created_at, reverse=True)
    operation = "generate_service_last_accessed_details"
    jobs = [
        (role.arn, answer["JobId"])
        for role in sweep.first(in_use, MAX_ROLES_WITH_USES, "iam", operation, "roles in use")
        if (answer := sweep.detail("iam", operation, absent=("NoSuchEntity",), Arn=role.arn))
    ]
    deadline = time.monotonic() + _WAIT_S
    return tuple(use for arn, job_id in jobs for use in _uses(sweep, arn, job_id, deadline))


def _uses(sweep: Sweep, role_arn: str, job_id: str, deadline: float) -> list[ServiceUse]:
    uses: list[ServiceUse] = []
    page: dict[str, str] = {}
    while answer := sweep.detail(
        "iam", "get_service_last_accessed_details", absent=("NoSuchEntity",), JobId=job_id, **page
    ):
        if answer["JobStatus"] == "IN_PROGRESS" and time.monotonic() < deadline:
            time.sleep(_POLL_S)
            continue
        if answer["JobStatus"] != "COMPLETED":
            sweep.gap("iam:GetServiceLastAccessedDetails", f"no answer for {role_arn}: {answer['JobStatus']}")
            break
        uses += [
            ServiceUse(role_arn, service["ServiceNamespace"], service.get("LastAuthenticated"))
            for service in answer["ServicesLastAccessed"]
        ]
        if not answer.get("IsTruncated"):
            break
        page = {"Marker": answer["Marker"]}
    return uses
