"""review.csv: written, corrected, read, and applied to a drop's names."""

import pytest

from drops.applied_review import AppliedReview, apply_review
from drops.review import COLUMNS, Decision, ReviewError, read_review, write_review

FLAT = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/old/3.jpg", "readme.txt"]
HEAD = ",".join(COLUMNS)


def apply(names: list[str], *decisions: Decision) -> AppliedReview:
    return apply_review([(name, 10) for name in names], decisions)


def test_what_is_written_is_read() -> None:
    decisions = [
        Decision("relabel", "cat/1.jpg", "cat", "dog", 'it, says: "dog"', 0.75, 2),
        Decision("drop", "=cmd|' /C calc'!A0.jpg", "-cat", "", "'quoted'", 0.5, 3),
        Decision("keep", "@home/é.jpg", "+1", "", "", 0.0, 4),
    ]

    assert read_review(write_review(decisions)) == (decisions, [])


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_begins_as_a_formula(start: str) -> None:
    line = write_review([Decision("drop", f"{start}1+1.jpg", f"{start}a", f"{start}b", f"{start}c")])

    assert f",{start}" not in line and f'"{start}' not in line


def test_control_characters_are_not_written() -> None:
    assert "\x1b" not in write_review([Decision("drop", "a\x1b[2J.jpg", "a")])


def test_what_a_spreadsheet_writes_is_read() -> None:
    text = f"\ufeff{HEAD}\r\nDROP,cat/1.jpg,cat,,why,0.5\r\n,,,,,\r\n"

    assert [(each.action, each.file) for each in read_review(text)[0]] == [("drop", "cat/1.jpg")]


def test_each_line_that_is_no_decision_is_refused_by_its_number() -> None:
    lines = [HEAD, "delete,cat/1.jpg,cat,,,", "drop,,cat,,,", "relabel,cat/2.jpg,cat,,,", "keep,a,b,,,x"]
    decisions, refusals = read_review("\n".join(lines))

    assert [refusal.line for refusal in refusals] == [2, 3, 4]
    assert "'delete' is none of keep, drop, relabel" in refusals[0].why
    assert [decision.line for decision in decisions] == [5]


@pytest.mark.parametrize("text", ["", "photo,label\na,b\n"])
def test_another_file_is_no_review(text: str) -> None:
    with pytest.raises(ReviewError, match="no column action"):
        read_review(text)


def test_photos_are_dropped_and_relabelled() -> None:
    applied = apply(
        FLAT,
        Decision("drop", "cat/2.jpg", "cat"),
        Decision("relabel", "dog/old/3.jpg", "dog", "cat"),
        Decision("keep", "dog/1.jpg", "dog"),
    )

    assert applied.names == {
        "cat/1.jpg": "cat/1.jpg",
        "dog/1.jpg": "dog/1.jpg",
        "dog/old/3.jpg": "cat/old/3.jpg",
        "readme.txt": "readme.txt",
    }
    assert applied.done == {"drop": 1, "relabel": 1, "keep": 1}
    assert applied.refusals == []


def test_no_photo_takes_the_name_of_another() -> None:
    applied = apply(FLAT, Decision("relabel", "dog/1.jpg", "dog", "cat"))

    assert applied.names["dog/1.jpg"] == "cat/1-2.jpg"


@pytest.mark.parametrize(
    ("names", "file", "becomes"),
    [
        (
            ["w/train/cat/1.jpg", "w/train/dog/2.jpg", "w/test/dog/3.jpg"],
            "w/train/cat/1.jpg",
            "w/train/dog/1.jpg",
        ),
        (
            ["cat/train/1.jpg", "cat/test/1.jpg", "dog/train/2.jpg", "dog/test/2.jpg"],
            "cat/test/1.jpg",
            "dog/test/1.jpg",
        ),
        (["cat/cat/1.jpg", "cat/dog/2.jpg"], "cat/cat/1.jpg", "cat/dog/1.jpg"),
    ],
    ids=["splits first", "classes first", "a wrapper named as a class"],
)
def test_a_photo_moves_within_its_split(names: list[str], file: str, becomes: str) -> None:
    assert apply(names, Decision("relabel", file, "cat", "dog")).names[file] == becomes


def test_what_does_not_fit_the_drop_is_refused_by_its_number() -> None:
    applied = apply(
        FLAT,
        Decision("drop", "cat/9.jpg", "cat", line=2),
        Decision("drop", "cat/1.jpg", "dog", line=3),
        Decision("relabel", "cat/1.jpg", "cat", "bird", line=4),
        Decision("drop", "cat/1.jpg", "cat", line=5),
        Decision("keep", "cat/1.jpg", "cat", line=6),
        Decision("drop", "readme.txt", "", line=7),
    )

    assert [(refusal.line, refusal.why) for refusal in applied.refusals] == [
        (2, "'cat/9.jpg' is no photo of this drop"),
        (3, "'cat/1.jpg' is labelled 'cat', not 'dog'"),
        (4, "there is no class 'bird'; the classes are 'cat', 'dog'"),
        (6, "line 5 decides of 'cat/1.jpg' already"),
        (7, "'readme.txt' is no photo of this drop"),
    ]
