"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args

from contracts.workflow import PromotionRule
from functions.common.environment import read_choice, read_text


@dataclass(frozen=True)
class Settings:
    """What a deployment decides."""

    data_bucket: str
    live_pointer_parameter: str
    rule: PromotionRule


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError, which names the variable at fault."""
    return Settings(
        data_bucket=read_text(environment, "DATA_BUCKET"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        rule=cast(PromotionRule, read_choice(environment, "PROMOTION_RULE", get_args(PromotionRule))),
    )
