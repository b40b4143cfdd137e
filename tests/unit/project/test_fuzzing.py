"""How long hypothesis looks: fixed in the suite, random and as long as asked by `make fuzz`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[2]
PROGRAM = """
from pathlib import Path
from hypothesis import given, strategies as st

@given(st.integers())
def test_any_number(number):
    with Path("drawn").open("a") as drawn:
        drawn.write(f"{number}\\n")

def test_without_hypothesis():
    with Path("plain").open("a") as plain:
        plain.write("once\\n")
"""


def drawn(folder: Path, *options: str) -> list[str]:
    """What the test was given, in a pytest of its own with the suite's conftest."""
    folder.mkdir()
    (folder / "test_numbers.py").write_text(PROGRAM)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        ".",
    ]
    subprocess.run(
        [*command, *options, "test_numbers.py"],
        cwd=folder,
        # Where CI is set, hypothesis has other defaults; the profiles say the same everywhere.
        env={**os.environ, "CI": "true", "PYTHONPATH": str(TESTS.parent)},
        check=True,
        capture_output=True,
    )
    assert (folder / "plain").read_text() == "once\n"
    return (folder / "drawn").read_text().split()


def test_the_suite_draws_the_same_each_time(tmp_path: Path) -> None:
    first, second = drawn(tmp_path / "a"), drawn(tmp_path / "b")
    assert first == second
    assert len(first) >= 50


def test_a_long_search_draws_more_and_others_each_time(tmp_path: Path) -> None:
    first, second = drawn(tmp_path / "a", "--fuzz-s", "0.1"), drawn(tmp_path / "b", "--fuzz-s", "0.1")
    assert min(len(first), len(second)) >= 400
    assert set(first) != set(second)
