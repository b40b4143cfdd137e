"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from functions.common.environment import read_choice, read_text

Choice = Literal["no", "ask", "yes"]
CHOICES: tuple[Choice, ...] = ("no", "ask", "yes")


@dataclass(frozen=True)
class Settings:
    """`stack` is the namespace of the metrics; `retraining`: what a scheduled review does.

    Approvals are signed with the secret in `approval_parameter`, which `approval_kms_key` encrypts.
    """

    stack: str
    data_bucket: str
    ledger_table: str
    live_pointer_parameter: str
    state_machine_arn: str
    retraining: Choice
    notification_topic_arn: str
    approval_parameter: str
    approval_kms_key: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError, which names the variable at fault."""
    return Settings(
        stack=read_text(environment, "STACK"),
        data_bucket=read_text(environment, "DATA_BUCKET"),
        ledger_table=read_text(environment, "LEDGER_TABLE"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        state_machine_arn=read_text(environment, "STATE_MACHINE_ARN"),
        retraining=cast(Choice, read_choice(environment, "RETRAIN_ON_DRIFT", CHOICES)),
        notification_topic_arn=read_text(environment, "NOTIFICATION_TOPIC_ARN"),
        approval_parameter=read_text(environment, "APPROVAL_PARAMETER"),
        approval_kms_key=read_text(environment, "APPROVAL_KMS_KEY"),
    )
