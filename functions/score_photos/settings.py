"""The function's environment variables, typed."""

from collections.abc import Mapping
from typing import NamedTuple

from functions.common.environment import read_number, read_text


class Settings(NamedTuple):
    """What a deployment decides."""

    data_bucket: str
    live_pointer_parameter: str
    pointer_cache_s: int
    max_image_bytes: int
    max_image_pixels: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises SettingsError, which names the variable at fault."""
    return Settings(
        data_bucket=read_text(environment, "DATA_BUCKET"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        pointer_cache_s=int(read_number(environment, "POINTER_CACHE_S")),
        max_image_bytes=int(read_number(environment, "MAX_IMAGE_BYTES", at_least=1)),
        max_image_pixels=int(read_number(environment, "MAX_IMAGE_PIXELS", at_least=1)),
    )
