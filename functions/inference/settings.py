"""The function's environment variables as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.common.environment import read_number, read_text


@dataclass(frozen=True)
class Settings:
    """What a deployment decides; `allowed_private_hosts` are lower case names or addresses."""

    live_pointer_parameter: str
    pointer_cache_s: int
    data_bucket: str
    allowed_private_hosts: frozenset[str]
    max_image_bytes: int
    max_image_pixels: int
    fetch_timeout_s: float


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError, which names the variable at fault."""
    return Settings(
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        pointer_cache_s=int(read_number(environment, "POINTER_CACHE_S")),
        data_bucket=read_text(environment, "DATA_BUCKET"),
        allowed_private_hosts=_host_names(environment.get("ALLOWED_PRIVATE_HOSTS", "")),
        max_image_bytes=int(read_number(environment, "MAX_IMAGE_BYTES", at_least=1)),
        max_image_pixels=int(read_number(environment, "MAX_IMAGE_PIXELS", at_least=1)),
        fetch_timeout_s=read_number(environment, "FETCH_TIMEOUT_S", at_least=0.1),
    )


def _host_names(text: str) -> frozenset[str]:
    names = (name.strip().lower().strip("[]").removesuffix(".") for name in text.split(","))
    return frozenset(name for name in names if name)
