"""The images' base is replaced before the support of what it consists of ends."""

import datetime
import re
from pathlib import Path

DOCKERFILE = Path(__file__).parents[3] / "training" / "Dockerfile"
NOTICE = datetime.timedelta(days=90)


def read_dates() -> dict[str, datetime.date]:
    """What the base consists of -> the day that its support ends, each with a source."""
    lines = re.findall(
        r"^# end of support: (\d{4}-\d\d-\d\d) (.+), https://\S+$",
        DOCKERFILE.read_text("utf-8"),
        re.MULTILINE,
    )
    return {what: datetime.date.fromisoformat(day) for day, what in lines}


def test_no_support_ends_within_90_days() -> None:
    """Take a newer Python or Debian as ARG BASE, and write its dates beside it."""
    today = datetime.datetime.now(datetime.UTC).date()
    assert [what for what, day in read_dates().items() if day - NOTICE <= today] == []


def test_the_dates_are_those_of_the_base() -> None:
    found = re.search(r"^ARG BASE=(\S+):([\d.]+)-slim-(\w+)$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert found
    python, debian = read_dates()
    assert python == f"Python {found[2]}"
    assert re.fullmatch(rf"Debian \d+ \({found[3]}\)", debian)
