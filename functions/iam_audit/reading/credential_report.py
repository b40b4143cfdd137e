"""IAM's credential report: a CSV with one line for each user, and one for root.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime

from functions.common.errors import DropserveError
from functions.iam_audit.snapshot import Credentials

# In the place of a moment: the user has no such thing, it was never used, AWS did not track it yet.
_NO_MOMENTS = frozenset({"", "N/A", "no_information", "not_supported"})


class CredentialReportError(DropserveError):
    """The credential report is not the CSV that IAM documents."""


def parse_credential_report(content: bytes) -> tuple[Credentials, ...]:
    """The lines of the report that GetCredentialReport gives. Raises CredentialReportError."""
    try:
        return tuple(map(_credentials, csv.DictReader(content.decode("utf-8").splitlines())))
    except (KeyError, ValueError) as error:
        raise CredentialReportError(f"IAM's credential report is malformed: {error!r}") from error


def _credentials(line: Mapping[str, str]) -> Credentials:
    keys = (_key(line, number) for number in (1, 2) if line[f"access_key_{number}_active"].lower() == "true")
    made = _moment(line["user_creation_time"])
    if made is None:
        raise ValueError(f"user {line['user']} has no creation time")
    return Credentials(
        arn=line["arn"],
        name=line["user"],
        created_at=made,
        # Root's column said "not_supported" before root passwords could be taken away: it had one.
        password=line["password_enabled"].lower() in ("true", "not_supported"),
        password_used_at=_moment(line["password_last_used"]),
        mfa=line["mfa_active"].lower() == "true",
        keys=tuple((renewed or made, used) for renewed, used in keys),
    )


def _key(line: Mapping[str, str], number: int) -> tuple[datetime | None, datetime | None]:
    return (
        _moment(line[f"access_key_{number}_last_rotated"]),
        _moment(line[f"access_key_{number}_last_used_date"]),
    )


def _moment(text: str) -> datetime | None:
    if text in _NO_MOMENTS:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
