"""The audit of a saved `aws iam get-account-authorization-details`, with no AWS access."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from functions.iam_audit.audit import audit_account
from functions.iam_audit.reading.authorization_details import (
    account_from_authorization_details,
    read_saved_details,
)
from functions.iam_audit.reports.changes import note_changes
from functions.iam_audit.settings import Settings
from functions.iam_audit.suppressions import Suppression, suppress


def audit_saved(file: Path, settings: Settings, suppressions: Iterable[Suppression] = ()) -> dict[str, Any]:
    """The report (`schemas/audit.schema.json`) on the file. Raises AuthorizationDetailsError."""
    moment = datetime.now(UTC)
    with _collector_at_rest():
        account = account_from_authorization_details(read_saved_details(file), taken_at=moment)
        report = audit_account(account, settings, run_id=None)
        return note_changes(suppress(report, suppressions, settings, moment=moment), None)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """No search for cycles meanwhile: an account has none, and the search takes a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
