"""The environment of the function."""

import pytest

from functions.common.errors import SettingsError
from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.settings import Settings, read_settings

ENVIRONMENT = {
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "POINTER_CACHE_S": "5",
    "DATA_BUCKET": "data",
    "ALLOWED_PRIVATE_HOSTS": " LOCALHOST., ,127.0.0.1,[::1]",
    "MAX_IMAGE_BYTES": "10000000",
    "MAX_IMAGE_PIXELS": "40000000",
    "FETCH_TIMEOUT_S": "7.5",
    "LOW_CONFIDENCE": "0.5",
    "CAPTURE_SHARE": "0.25",
    "CAPTURES_A_DAY": "50",
    "DRIFT_REVIEW": "on",
    "ALLOWED_HOSTS": "*.Example.com.",
    "DENIED_HOSTS": "bad.example.com",
}
HOST_LISTS = {"ALLOWED_PRIVATE_HOSTS", "ALLOWED_HOSTS", "DENIED_HOSTS"}


def test_the_settings() -> None:
    assert read_settings(ENVIRONMENT) == Settings(
        live_pointer_parameter="/dropserve/live",
        pointer_cache_s=5,
        data_bucket="data",
        hosts=HostRules(
            only=frozenset({"*.example.com"}),
            denied=frozenset({"bad.example.com"}),
            private=frozenset({"localhost", "127.0.0.1", "::1"}),
        ),
        max_image_bytes=10_000_000,
        max_image_pixels=40_000_000,
        fetch_timeout_s=7.5,
        low_confidence=0.5,
        capture_share=0.25,
        captures_a_day=50,
        counts_drift=True,
    )


def test_no_private_host_and_every_public_one_is_allowed_by_default() -> None:
    for environment in (
        {**ENVIRONMENT, **dict.fromkeys(HOST_LISTS, "")},
        {name: value for name, value in ENVIRONMENT.items() if name not in HOST_LISTS},
    ):
        assert read_settings(environment).hosts == HostRules()


@pytest.mark.parametrize("name", sorted(HOST_LISTS))
@pytest.mark.parametrize(
    "entry", ["https://evil.example", "a.example;b.example", "10.0.0.0/8", "a.example:80"]
)
def test_an_entry_that_is_no_host_is_named_with_its_variable(name: str, entry: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is malformed: '{entry}' is no host"):
        read_settings({**ENVIRONMENT, name: f"good.example, {entry}"})


def test_a_contact_is_what_a_header_can_hold() -> None:
    assert (
        read_settings({**ENVIRONMENT, "CONTACT": " https://shop.example/ "}).contact
        == "https://shop.example/"
    )
    for contact in ("a)b", "a\nb", "ü", "a" * 201, "a\\b"):
        with pytest.raises(SettingsError, match="CONTACT"):
            read_settings({**ENVIRONMENT, "CONTACT": contact})


@pytest.mark.parametrize("name", sorted(ENVIRONMENT.keys() - HOST_LISTS))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**ENVIRONMENT, name: " "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POINTER_CACHE_S", "-1"),
        ("POINTER_CACHE_S", "soon"),
        ("MAX_IMAGE_BYTES", "0"),
        ("MAX_IMAGE_PIXELS", "nan"),
        ("FETCH_TIMEOUT_S", "0"),
        ("FETCH_TIMEOUT_S", "inf"),
        ("LOW_CONFIDENCE", "1.1"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**ENVIRONMENT, name: value})
