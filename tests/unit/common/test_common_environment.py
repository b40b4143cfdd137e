"""Settings from environment variables: each fault names its variable."""

import pytest

from functions.common.environment import read_choice, read_number, read_text
from functions.common.errors import SettingsError


def test_good_values_are_read() -> None:
    environment = {"TEXT": " here ", "CHOICE": "b", "NUMBER": "2.5"}
    assert read_text(environment, "TEXT") == "here"
    assert read_choice(environment, "CHOICE", ("a", "b")) == "b"
    assert read_number(environment, "NUMBER", at_least=2, at_most=3) == 2.5


@pytest.mark.parametrize("value", ["", "  "])
def test_a_missing_variable_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match="NAME is missing; set it in the template"):
        read_text({"NAME": value} if value else {}, "NAME")


def test_another_choice_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(SettingsError, match="NAME is 'c'; use one of a, b"):
        read_choice({"NAME": "c"}, "NAME", ("a", "b"))


@pytest.mark.parametrize("text", ["many", "nan", "inf", "-1", "11"])
def test_a_number_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=f"NAME is '?{text}'?; it must be"):
        read_number({"NAME": text}, "NAME", at_least=0, at_most=10)
