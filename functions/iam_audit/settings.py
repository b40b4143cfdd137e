"""The audit's settings, from the function's environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from functions.common.environment import read_text
from functions.common.errors import SettingsError

# From the worst to the mildest: the order of reports, and of the gate.
SEVERITIES = ("critical", "high", "medium", "low", "informational")

# IAM remembers the last use of a role for 400 days:
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
ROLE_LAST_USED_DAYS = 400


@dataclass(frozen=True)
class Settings:
    """`gate_severity`: findings at or above it, on a role under `pipeline_role_path`, block a release."""

    data_bucket: str
    pipeline_role_path: str
    inactive_days: int = 90
    gate_severity: str = "critical"


def load_settings(environment: Mapping[str, str]) -> Settings:
    """DATA_BUCKET, PIPELINE_ROLE_PATH, INACTIVE_DAYS (90) and GATE_SEVERITY (critical).

    Raises SettingsError, which names the variable and what it may hold.
    """
    return Settings(
        data_bucket=read_text(environment, "DATA_BUCKET"),
        pipeline_role_path=_role_path(read_text(environment, "PIPELINE_ROLE_PATH")),
        inactive_days=_inactive_days(environment.get("INACTIVE_DAYS") or "90"),
        gate_severity=_gate_severity(environment.get("GATE_SEVERITY") or "critical"),
    )


def _role_path(text: str) -> str:
    # "/" alone would make every role of the account the pipeline's own.
    if not re.fullmatch(r"/[!-~]*[^/]/", text):
        raise SettingsError(f"PIPELINE_ROLE_PATH is {text!r}; it must be an IAM path such as /dropserve/")
    return text


def _inactive_days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= ROLE_LAST_USED_DAYS:
        raise SettingsError(
            f"INACTIVE_DAYS is {text!r}; it must be a whole number from 1 to {ROLE_LAST_USED_DAYS}, "
            "the days for which IAM remembers a role's last use"
        )
    return int(text)


def _gate_severity(text: str) -> str:
    if text not in SEVERITIES:
        raise SettingsError(f"GATE_SEVERITY is {text!r}; it must be one of {', '.join(SEVERITIES)}")
    return text
