"""Names that would move a cursor, reorder a line or begin one: log, reason and report have none."""

import xml.etree.ElementTree as ET

import pytest

from drops.text import is_unsafe
from training.evaluation import champion
from training.failures import DatasetError, describe_error
from training.job import progress
from training.report import page
from training.report.charts import draw_confusion_matrix

UNCLEAN = ["\x1b[2J", "\x1b]0;owned\x07", "\x9b31m", "\u202egnp", "\u200b", "\r", "\x00", "\udcff", "\u2028"]


@pytest.mark.parametrize("unclean", [*UNCLEAN, "\n"], ids=ascii)
def test_a_line_of_the_log_stays_one_line(unclean: str, capsys: pytest.CaptureFixture[str]) -> None:
    progress.say_phase("read", name=f"a{unclean}b")

    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert not any(map(is_unsafe, line.removesuffix("\n")))


@pytest.mark.parametrize("unclean", [*UNCLEAN, "\n"], ids=ascii)
@pytest.mark.parametrize("kind", [DatasetError, KeyError, ValueError])
def test_a_reason_is_one_clean_line(kind: type[Exception], unclean: str) -> None:
    assert not any(map(is_unsafe, describe_error(kind(f"the class a{unclean}b is empty"))))


@pytest.mark.parametrize("unclean", UNCLEAN, ids=ascii)
def test_a_chart_with_such_names_is_still_a_picture(unclean: str) -> None:
    svg = draw_confusion_matrix([[1, 0], [0, 1]], [f"a{unclean}", "b"])

    # ElementTree refuses characters that XML does not allow; encode() what is no character at all.
    assert ET.fromstring(svg.encode()).tag.endswith("svg")
    assert not any(is_unsafe(character) for character in svg if character != "\n")


@pytest.mark.parametrize("unclean", [*UNCLEAN, "<b>", "&", '"'], ids=ascii)
def test_every_name_in_the_report_is_made_safe(unclean: str) -> None:
    name = f"a{unclean}b"
    mistake = page.Mistake(name, name, name, 0.9, b"")
    rows = [{"label": name, "f1": 1.0, "precision": 1.0, "recall": 1.0, "support": 3}]
    html = (
        page._mistake(mistake)
        + page._class_table(rows)
        + page._excluded_table([{"name": name, "reason": name}])
        + page._pairs({name: name})
    )

    assert html.encode()
    assert not any(map(is_unsafe, html))
    assert name not in html


def test_a_name_from_right_to_left_turns_nothing_around_it() -> None:
    mistake = page.Mistake("פרחים/1.jpg", "פרחים", "ورد", 0.87, b"")

    html = page._mistake(mistake)

    assert "<bdi>ورد</bdi></b> 87%" in html
    assert "is <bdi>פרחים</bdi>" in html


@pytest.mark.parametrize("unclean", [*UNCLEAN, "\n"], ids=ascii)
def test_why_two_models_cannot_be_compared_is_one_clean_and_bounded_line(unclean: str) -> None:
    difference = champion._class_difference(["a", f"b{unclean}"], ["a", "c" * 5000])

    reason = champion._not_comparable(difference)["reason"]

    assert reason.startswith("the classes differ from the champion's: 1 new (ccc")
    assert not any(map(is_unsafe, reason))
    assert len(reason) <= 500
