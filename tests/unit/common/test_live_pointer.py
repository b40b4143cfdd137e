"""The live pointer is a release, {} before the first one, or a sentence on what is wrong with it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from functions.common.live_pointer import PointerError, read_live_pointer

POINTER = {
    "release": "dropserve-1",
    "endpoint_name": "dropserve-1",
    "run_id": "f" * 32,
    "model_data_uri": "s3://bucket/model.tar.gz",
    "accuracy": 0.9,
}


def ssm(value: str) -> Any:
    return SimpleNamespace(
        get_parameter=lambda **_: {"Parameter": {"Value": value}},
        exceptions=SimpleNamespace(ParameterNotFound=KeyError),
    )


def test_a_release_and_none_before_the_first() -> None:
    assert read_live_pointer("/live", ssm=ssm(json.dumps(POINTER))) == POINTER
    assert read_live_pointer("/live", ssm=ssm("{}")) is None


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "names no release"),
        ("null", "names no release"),
        ('"dropserve-1"', "names no release"),
        (json.dumps({**POINTER, "run_id": 5}), "it lacks a sound run_id; set it to {}"),
        (json.dumps({**POINTER, "endpoint_name": None}), "it lacks a sound endpoint_name"),
        (json.dumps({**POINTER, "model_data_uri": ["s3://"], "accuracy": "0.9"}), "model_data_uri, accuracy"),
        (json.dumps({"release": "dropserve-1"}), "it lacks a sound endpoint_name, run_id"),
    ],
)
def test_anything_else_is_said(value: str, sentence: str) -> None:
    with pytest.raises(PointerError) as raised:
        read_live_pointer("/live", ssm=ssm(value))
    assert sentence in str(raised.value)
