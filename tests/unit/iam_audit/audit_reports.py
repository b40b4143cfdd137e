"""Whole reports, as the function makes them: audited, suppressed, compared."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from functions.common.documents import check_document
from functions.iam_audit.audit import audit_account
from functions.iam_audit.reports.changes import note_changes
from functions.iam_audit.settings import Settings
from functions.iam_audit.suppressions import Suppression, suppress
from tests.unit.iam_audit.account_documents import NOW, SETTINGS, account

RUN_ID = "0123456789abcdef0123456789abcdef"


def suppression(check: str, resource: str = "*", expires: str = "2027-01-31") -> Suppression:
    return Suppression(check, resource, "Known and wanted.", "ops@example.com", date.fromisoformat(expires))


def report_on(
    *roles: dict[str, Any],
    settings: Settings = SETTINGS,
    suppressions: Sequence[Suppression] = (),
    last: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    report = audit_account(account(*roles, **more), settings, run_id=RUN_ID)
    report = suppress(report, suppressions, settings, moment=NOW)
    return check_document("audit", note_changes(report, last))
