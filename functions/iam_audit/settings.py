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
    """`gate_severity`: findings at or above it, on a role under `pipeline_role_path`, block a release.

    `notification_topic_arn`: where new critical findings are told; empty for nowhere. `security_hub`: whether
    findings go to Security Hub, which must be on in the region.
    """

    data_bucket: str
    pipeline_role_path: str
    inactive_days: int = 90
    gate_severity: str = "critical"
    notification_topic_arn: str = ""
    security_hub: bool = False


def load_settings(environment: Mapping[str, str]) -> Settings:
    """DATA_BUCKET, PIPELINE_ROLE_PATH, and with defaults INACTIVE_DAYS (90), GATE_SEVERITY (critical),
    NOTIFICATION_TOPIC_ARN (none) and SECURITY_HUB (false).

    Raises SettingsError, which names the variable and what it may hold.
    """
    return Settings(
        data_bucket=read_text(environment, "DATA_BUCKET"),
        pipeline_role_path=_role_path(read_text(environment, "PIPELINE_ROLE_PATH")),
        inactive_days=_inactive_days(environment.get("INACTIVE_DAYS") or "90"),
        gate_severity=_gate_severity(environment.get("GATE_SEVERITY") or "critical"),
        notification_topic_arn=_topic(environment.get("NOTIFICATION_TOPIC_ARN") or ""),
        security_hub=_switch("SECURITY_HUB", environment.get("SECURITY_HUB") or "false"),
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


def _topic(text: str) -> str:
    if text and not re.fullmatch(r"arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w-]+", text):
        raise SettingsError(
            f"NOTIFICATION_TOPIC_ARN is {text!r}; it must be the ARN of an SNS topic, or empty"
        )
    return text


def _switch(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise SettingsError(f"{name} is {text!r}; it must be true or false")
    return text == "true"
