"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from functions.common.environment import read_choice, read_text

Retraining = Literal["no", "yes"]
CHOICES: tuple[Retraining, ...] = ("no", "yes")


@dataclass(frozen=True)
class Settings:
    """`stack` is the namespace of the metrics; `retraining`: whether a scheduled review starts a training."""

    stack: str
    data_bucket: str
    ledger_table: str
    live_pointer_parameter: str
    state_machine_arn: str
    retraining: Retraining


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError, which names the variable at fault."""
    return Settings(
        stack=read_text(environment, "STACK"),
        data_bucket=read_text(environment, "DATA_BUCKET"),
        ledger_table=read_text(environment, "LEDGER_TABLE"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        state_machine_arn=read_text(environment, "STATE_MACHINE_ARN"),
        retraining=cast(Retraining, read_choice(environment, "RETRAIN_ON_DRIFT", CHOICES)),
    )
