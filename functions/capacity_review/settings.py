"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.capacity_review.limits import Limits
from functions.common.applied_capacity import Capacity
from functions.common.environment import read_choice, read_number, read_text


@dataclass(frozen=True)
class Settings:
    """`applies`: whether a scheduled review changes anything. `deployed`: the template's values."""

    data_bucket: str
    ledger_table: str
    inference_function: str
    inference_memory_mb: int
    architecture: str
    set_concurrency_function: str
    live_pointer_parameter: str
    capacity_parameter: str
    region: str
    applies: bool
    deployed: Capacity
    limits: Limits


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError, which names the variable at fault."""
    return Settings(
        data_bucket=read_text(environment, "DATA_BUCKET"),
        ledger_table=read_text(environment, "LEDGER_TABLE"),
        inference_function=read_text(environment, "INFERENCE_FUNCTION"),
        inference_memory_mb=int(read_number(environment, "INFERENCE_MEMORY_MB", at_least=128)),
        architecture=read_choice(environment, "ARCHITECTURE", ("x86_64", "arm64")),
        set_concurrency_function=read_text(environment, "SET_CONCURRENCY_FUNCTION"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        capacity_parameter=read_text(environment, "CAPACITY_PARAMETER"),
        region=read_text(environment, "AWS_REGION"),
        applies=read_choice(environment, "CAPACITY_REVIEW", ("report", "apply")) == "apply",
        deployed=Capacity(
            reserved_concurrency=int(read_number(environment, "RESERVED_CONCURRENCY", at_least=1)),
            provisioned_concurrency=int(read_number(environment, "PROVISIONED_CONCURRENCY")),
            min_instances=int(read_number(environment, "MIN_INSTANCES", at_least=1)),
            max_instances=int(read_number(environment, "MAX_INSTANCES", at_least=1)),
            target_invocations_per_instance=int(
                read_number(environment, "TARGET_INVOCATIONS_PER_INSTANCE", at_least=1)
            ),
        ),
        limits=Limits(
            max_reserved=int(read_number(environment, "CAPACITY_MAX_RESERVED", at_least=1)),
            max_provisioned=int(read_number(environment, "CAPACITY_MAX_PROVISIONED")),
            max_instances=int(read_number(environment, "CAPACITY_MAX_INSTANCES", at_least=1)),
            monthly_usd=read_number(environment, "CAPACITY_MAX_MONTHLY_USD"),
        ),
    )
