"""How long hypothesis looks: a short and fixed search in the suite, a long and random one by `make fuzz`.

The tests are the same. `--fuzz-s SECONDS` repeats each of them, with new examples, until its time is up; what
failed is kept in .hypothesis/ and tried first the next time.
"""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

OPTION = "--fuzz-s"
# A busy machine makes examples slow, and no test fails for that; fixtures are made once a test, as they say.
_ALWAYS: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    "print_blob": True,
}
settings.register_profile("suite", derandomize=True, database=None, **_ALWAYS)
# Where CI is set, hypothesis's own default is derandomize=True.
settings.register_profile("fuzz", max_examples=500, derandomize=False, **_ALWAYS)

# Names as people, other alphabets and attackers write them; whole JSON documents of anything.
_HOSTILE = [
    "",
    " ",
    "..",
    "../../etc/passwd",
    "a/b",
    "drops/",
    "drops/x.zip",
    "*",
    "$.key",
    "States.Format('{}')",
    "\x00",
    "\x1b[2J",
    "\u202egnp.exe",
    "\ud800",
    "é" * 300,
    "1e999",
    "null",
]
texts = st.sampled_from(_HOSTILE) | st.text(st.characters(exclude_categories=()), max_size=40)
clean_texts = texts.filter(lambda text: text.encode("utf-8", "ignore").decode() == text)
"""Without halves of characters, which no UTF-8 can hold."""
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 2**63, 10**400, float("nan"), float("inf")])
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """JSON text so deep that a reader which calls itself runs out of stack."""
    return opening * depth + closing * depth


def choose_profile(config: pytest.Config) -> None:
    """The profile that the command line asks for."""
    settings.load_profile("fuzz" if config.getoption(OPTION) else "suite")


def repeat(item: pytest.Function) -> bool | None:
    """Run a test of hypothesis again and again for its time; None leaves any other to pytest."""
    limit_s = item.config.getoption(OPTION)
    if not limit_s or item.get_closest_marker("hypothesis") is None:
        return None
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    ends_at = time.monotonic() + limit_s
    while True:
        item.obj(**arguments)
        if time.monotonic() >= ends_at:
            return True
