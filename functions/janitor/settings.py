"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.common.environment import read_text


@dataclass(frozen=True)
class Settings:
    """`stack` is what the names of the deployment's releases begin with."""

    stack: str
    region: str
    data_bucket: str
    ledger_table: str
    live_pointer_parameter: str
    notification_topic_arn: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError, which names the variable at fault."""
    return Settings(
        stack=read_text(environment, "STACK"),
        region=read_text(environment, "AWS_REGION"),
        data_bucket=read_text(environment, "DATA_BUCKET"),
        ledger_table=read_text(environment, "LEDGER_TABLE"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        notification_topic_arn=read_text(environment, "NOTIFICATION_TOPIC_ARN"),
    )
