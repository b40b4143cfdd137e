"""docs/benchmarks.md quotes benchmarks/results/ and nothing else."""

import json
from pathlib import Path

import pytest

from benchmarks.capture import render as render_capture
from benchmarks.support import results
from benchmarks.support.capacity.table import render_table as render_capacity_table
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.results_table import ROWS, render_table
from benchmarks.support.trust.table import render_drift, render_unknown
from benchmarks.support.trust.table import render_table as render_trust_table

PROJECT = Path(__file__).parents[3]


def test_the_page_has_the_table_of_the_results() -> None:
    assert render_table(RESULTS) in (PROJECT / "docs" / "benchmarks.md").read_text("utf-8")


def test_the_page_of_capacity_has_the_table_of_its_results() -> None:
    table = render_capacity_table(RESULTS)
    assert table in (PROJECT / "docs" / "capacity.md").read_text("utf-8")
    assert json.loads((RESULTS / "capacity.json").read_text("utf-8"))["held"]


def test_the_page_has_the_table_of_what_is_claimed_of_data_and_answers() -> None:
    table = render_trust_table(RESULTS)
    assert table in (PROJECT / "docs" / "benchmarks.md").read_text("utf-8")
    assert render_unknown(RESULTS) in (PROJECT / "docs" / "unknown.md").read_text("utf-8")
    assert render_drift(RESULTS) in (PROJECT / "docs" / "drift.md").read_text("utf-8")
    parts = json.loads((RESULTS / "trust.json").read_text("utf-8")).values()
    missed = [claim for part in parts for claim in part["claims"] if not claim["held"]]
    assert table.count(": not held |") == len(missed)


def test_the_page_says_how_much_longer_an_answer_takes_whose_photo_is_kept() -> None:
    results = json.loads((RESULTS / "capture.json").read_text("utf-8"))
    assert render_capture(results) in (PROJECT / "docs" / "feedback.md").read_text("utf-8")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a page and results of its own."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(results, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text("Before\n<!-- benchmarks: begin -->\n<!-- benchmarks: end -->\nAfter\n")
    return tmp_path


def audit(median: float) -> dict[str, object]:
    return {"over_cloudsplaining": {"50": {"median": median, "min": median, "max": median}}}


@pytest.mark.parametrize("median", [2.0, 3.5])
def test_a_benchmark_that_is_run_again_changes_the_page_with_its_results(home: Path, median: float) -> None:
    write_results(home / "results" / "audit.json", audit(1.0))
    write_results(home / "results" / "audit.json", audit(median))

    page = (home / "page.md").read_text("utf-8")
    assert render_table(home / "results") in page
    assert f"| cloudsplaining | {median:.3g} ({median:.3g} to {median:.3g}) |" in page
    assert page.startswith("Before\n") and page.endswith("\nAfter\n")


def test_one_that_fails_later_leaves_what_the_earlier_ones_measured(home: Path) -> None:
    write_results(home / "results" / "audit.json", audit(2.0))
    write_results(home / "results" / "cold_start.json", {"over_reference": None})

    page = (home / "page.md").read_text("utf-8")
    assert render_table(home / "results") in page
    assert "cold start" not in page


def test_a_trial_that_is_written_elsewhere_leaves_the_page_alone(home: Path) -> None:
    before = (home / "page.md").read_text("utf-8")
    write_results(home / "elsewhere" / "audit.json", audit(2.0))

    assert (home / "page.md").read_text("utf-8") == before
    assert (home / "elsewhere" / "audit.json").is_file()


@pytest.mark.parametrize(("rounds", "told"), [(1, "23 (one round)"), (3, "23 (22 to 25)")])
def test_what_was_measured_once_claims_no_spread(tmp_path: Path, rounds: int, told: str) -> None:
    ratio = {"median": 23.0, "min": 22.0, "max": 25.0}
    part = {"rounds": rounds, "reference_over_ours": ratio}
    (tmp_path / "training.json").write_text(json.dumps({"dog_shaped_reference": part}))
    assert f"| {told} |" in render_table(tmp_path)


def test_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(
        '{"over_cloudsplaining": {"5000": {"median": 31.68, "min": 25.92, "max": 34.649}}}'
    )
    table = render_table(tmp_path)
    assert "| audit of 5,000 roles, how much faster | cloudsplaining | 31.7 (25.9 to 34.6) |" in table
    assert len(table.splitlines()) == 3


def test_every_row_names_a_script() -> None:
    assert all((PROJECT / "benchmarks" / f"{row.script}.py").is_file() for row in ROWS)
