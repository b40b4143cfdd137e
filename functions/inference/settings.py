"""The function's environment variables as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.common.errors import SettingsError


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
        live_pointer_parameter=_text(environment, "LIVE_POINTER_PARAMETER"),
        pointer_cache_s=int(_number(environment, "POINTER_CACHE_S", at_least=0)),
        data_bucket=_text(environment, "DATA_BUCKET"),
        allowed_private_hosts=_host_names(environment.get("ALLOWED_PRIVATE_HOSTS", "")),
        max_image_bytes=int(_number(environment, "MAX_IMAGE_BYTES", at_least=1)),
        max_image_pixels=int(_number(environment, "MAX_IMAGE_PIXELS", at_least=1)),
        fetch_timeout_s=_number(environment, "FETCH_TIMEOUT_S", at_least=0.1),
    )


def _text(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"the environment variable {name} is missing; set it in the template")
    return value


def _number(environment: Mapping[str, str], name: str, *, at_least: float) -> float:
    text = _text(environment, name)
    try:
        value = float(text)
    except ValueError as error:
        raise SettingsError(f"the environment variable {name} is {text!r}; it must be a number") from error
    # Written so that NaN, which compares false with everything, is refused too.
    if not at_least <= value < float("inf"):
        raise SettingsError(f"the environment variable {name} is {text}; it must be at least {at_least:g}")
    return value


def _host_names(text: str) -> frozenset[str]:
    names = (name.strip().lower().strip("[]").removesuffix(".") for name in text.split(","))
    return frozenset(name for name in names if name)
