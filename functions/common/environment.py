"""Environment variables as typed values; each fault names its variable."""

from collections.abc import Collection, Mapping

from functions.common.errors import SettingsError


def read_text(environment: Mapping[str, str], name: str) -> str:
    """A variable that must be there. Raises SettingsError."""
    value = environment.get(name, "").strip()
    if not value:
        raise SettingsError(f"the environment variable {name} is missing; set it in the template")
    return value


def read_choice(environment: Mapping[str, str], name: str, allowed: Collection[str]) -> str:
    """A variable that must be one of `allowed`. Raises SettingsError."""
    value = read_text(environment, name)
    if value not in allowed:
        raise SettingsError(f"the environment variable {name} is {value!r}; use one of {', '.join(allowed)}")
    return value


def read_number(
    environment: Mapping[str, str], name: str, *, at_least: float = 0, at_most: float = float("inf")
) -> float:
    """A finite number within both bounds. Raises SettingsError."""
    text = read_text(environment, name)
    try:
        value = float(text)
    except ValueError as error:
        raise SettingsError(f"the environment variable {name} is {text!r}; it must be a number") from error
    # Written so that NaN, which compares false with everything, is refused too.
    if not at_least <= value <= at_most or value == float("inf"):
        raise SettingsError(
            f"the environment variable {name} is {text}; it must be from {at_least:g} to {at_most:g}"
        )
    return value
