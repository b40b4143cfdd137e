"""The environment of the function."""

import pytest

from functions.common.errors import SettingsError
from functions.inference.settings import Settings, read_settings

ENVIRONMENT = {
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "POINTER_CACHE_S": "5",
    "DATA_BUCKET": "data",
    "ALLOWED_PRIVATE_HOSTS": " LOCALHOST., ,127.0.0.1,[::1]",
    "MAX_IMAGE_BYTES": "10000000",
    "MAX_IMAGE_PIXELS": "40000000",
    "FETCH_TIMEOUT_S": "7.5",
}


def test_the_settings() -> None:
    assert read_settings(ENVIRONMENT) == Settings(
        live_pointer_parameter="/dropserve/live",
        pointer_cache_s=5,
        data_bucket="data",
        allowed_private_hosts=frozenset({"localhost", "127.0.0.1", "::1"}),
        max_image_bytes=10_000_000,
        max_image_pixels=40_000_000,
        fetch_timeout_s=7.5,
    )


def test_no_private_host_is_allowed_by_default() -> None:
    for environment in ({**ENVIRONMENT, "ALLOWED_PRIVATE_HOSTS": ""}, dict(ENVIRONMENT)):
        environment.pop("ALLOWED_PRIVATE_HOSTS", None)
        assert read_settings(environment).allowed_private_hosts == frozenset()


@pytest.mark.parametrize("name", sorted(ENVIRONMENT.keys() - {"ALLOWED_PRIVATE_HOSTS"}))
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
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**ENVIRONMENT, name: value})
