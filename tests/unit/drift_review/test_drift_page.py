"""drift.html: what it says of good days, bad days and days that cannot be judged; no text does harm."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from functions.drift_review.history import read_history
from functions.drift_review.page import render_page
from functions.drift_review.review import Clients, review
from functions.drift_review.settings import read_settings
from tests.unit.drift_review.accounts import ALIKE, SHIFTED, VARIABLES, Account

FIRST = date(2026, 1, 1)


def review_of(answers: dict[str, Any], number: int) -> dict[str, Any]:
    account, day = Account(answers), FIRST + timedelta(days=number)
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return review(read_settings(VARIABLES), day, moment, Clients(account, account, account))


class Outline(HTMLParser):
    """Counts elements and checks that they are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in {"meta", "line", "rect", "circle", "polyline"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_week_with_a_bad_day() -> None:
    page = render_page([review_of(SHIFTED if number == 4 else ALIKE, number) for number in range(7)])
    outline = Outline(page)
    assert not outline.open
    assert outline.seen.count("figure") == 6
    assert page.count('<tr class="bad">') == 1
    assert page.count("dot bad") == 3
    assert "2026-01-07: no drift" in page
    assert re.search(r'<tr class="bad"><td>2026-01-05</td><td>60</td><td><b class="bad">58.3%</b>', page)


def test_the_newest_day_is_the_verdict() -> None:
    page = render_page([review_of(ALIKE, 0), review_of(SHIFTED, 1)])
    assert "2026-01-02: the photos have drifted" in page
    assert "By: confidence, unlike the training photos, unknown photos." in page


def test_days_that_cannot_be_judged_have_their_reason_and_no_dot() -> None:
    page = render_page([review_of({"confidence": [1] * 5}, 0)])
    assert "5 answers are too few; 30 are enough" in page
    assert "<circle" not in page and not Outline(page).open


def test_before_the_first_review() -> None:
    assert "Nothing was reviewed yet" in render_page([])


def test_texts_of_a_review_are_shown_as_text() -> None:
    hostile = "<script>alert(1)</script>"
    document = {**review_of(SHIFTED, 0), "release": hostile, "reason": hostile}
    document["retraining"] = {"started": False, "reason": hostile, "execution_arn": None}
    page = render_page([document])
    assert "<script" not in page and "&lt;script&gt;" in page


def test_the_history_is_the_newest_days_and_leaves_out_what_is_no_review() -> None:
    account = Account()
    for number in range(4):
        document = review_of(ALIKE, number)
        account.objects[f"reviews/drift/{document['day']}.json"] = json.dumps(document).encode()
    account.objects["reviews/drift/2026-01-04.json"] = b"{}"
    account.objects["reviews/drift/drift.html"] = b""
    found = read_history("data", days=3, s3=account)
    assert [each["day"] for each in found] == ["2026-01-02", "2026-01-03"]
