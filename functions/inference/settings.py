"""The function's environment variables as typed values."""

from collections.abc import Mapping
from typing import NamedTuple

from functions.common.environment import read_number, read_text
from functions.inference.hosts import HostRules


class Settings(NamedTuple):
    """What a deployment decides."""

    live_pointer_parameter: str
    pointer_cache_s: int
    data_bucket: str
    hosts: HostRules
    max_image_bytes: int
    max_image_pixels: int
    fetch_timeout_s: float
    low_confidence: float


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError, which names the variable at fault."""
    return Settings(
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        pointer_cache_s=int(read_number(environment, "POINTER_CACHE_S")),
        data_bucket=read_text(environment, "DATA_BUCKET"),
        hosts=HostRules(
            only=_host_names(environment.get("ALLOWED_HOSTS", "")),
            denied=_host_names(environment.get("DENIED_HOSTS", "")),
            private=_host_names(environment.get("ALLOWED_PRIVATE_HOSTS", "")),
        ),
        max_image_bytes=int(read_number(environment, "MAX_IMAGE_BYTES", at_least=1)),
        max_image_pixels=int(read_number(environment, "MAX_IMAGE_PIXELS", at_least=1)),
        fetch_timeout_s=read_number(environment, "FETCH_TIMEOUT_S", at_least=0.1),
        low_confidence=read_number(environment, "LOW_CONFIDENCE", at_most=1),
    )


def _host_names(text: str) -> frozenset[str]:
    names = (name.strip().lower().strip("[]").removesuffix(".") for name in text.split(","))
    return frozenset(name for name in names if name)
