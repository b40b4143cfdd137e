"""The function's environment variables as typed values."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from functions.common.environment import read_choice, read_number, read_text
from functions.common.errors import SettingsError
from functions.inference.fetching.allowed_hosts import HostRules, parse_hosts


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
    capture_share: float
    captures_a_day: int
    counts_drift: bool
    contact: str = ""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError, which names the variable at fault."""
    return Settings(
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        pointer_cache_s=int(read_number(environment, "POINTER_CACHE_S")),
        data_bucket=read_text(environment, "DATA_BUCKET"),
        hosts=HostRules(
            only=_hosts(environment, "ALLOWED_HOSTS"),
            denied=_hosts(environment, "DENIED_HOSTS"),
            private=_hosts(environment, "ALLOWED_PRIVATE_HOSTS"),
        ),
        max_image_bytes=int(read_number(environment, "MAX_IMAGE_BYTES", at_least=1)),
        max_image_pixels=int(read_number(environment, "MAX_IMAGE_PIXELS", at_least=1)),
        fetch_timeout_s=read_number(environment, "FETCH_TIMEOUT_S", at_least=0.1),
        low_confidence=read_number(environment, "LOW_CONFIDENCE", at_most=1),
        capture_share=read_number(environment, "CAPTURE_SHARE", at_most=1),
        captures_a_day=int(read_number(environment, "CAPTURES_A_DAY", at_least=1)),
        counts_drift=read_choice(environment, "DRIFT_REVIEW", ("off", "on")) == "on",
        contact=_contact(environment),
    )


def _contact(environment: Mapping[str, str]) -> str:
    """What a comment of a User-Agent may hold as it is: RFC 9110, section 5.6.5."""
    contact = environment.get("CONTACT", "").strip()
    if not re.fullmatch(r"[!-'*-\[\]-~ ]{0,200}", contact):
        raise SettingsError(
            "the environment variable CONTACT is malformed; write an address in at most 200 ASCII "
            "characters, without brackets and backslashes"
        )
    return contact


def _hosts(environment: Mapping[str, str], name: str) -> frozenset[str]:
    try:
        return parse_hosts(environment.get(name, ""))
    except SettingsError as error:
        raise SettingsError(f"the environment variable {name} is malformed: {error}") from error
