"""The README quotes benchmarks/results/ and nothing else."""

import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
sys.path.append(str(PROJECT / "benchmarks"))

from support.readme_table import RESULTS, ROWS, render_table  # noqa: E402


def test_the_readme_has_the_table_of_the_results() -> None:
    assert render_table(RESULTS) in (PROJECT / "README.md").read_text("utf-8")


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(
        '{"over_cloudsplaining": {"5000": {"median": 31.68, "min": 25.92, "max": 34.649}}}'
    )
    table = render_table(tmp_path)
    assert "| audit of 5,000 roles, how much faster | cloudsplaining | 31.7 (25.9 to 34.6) |" in table
    assert len(table.splitlines()) == 3


def test_every_row_names_a_script() -> None:
    assert all((PROJECT / "benchmarks" / f"{row.script}.py").is_file() for row in ROWS)
