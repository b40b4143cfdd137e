"""Names that would move a cursor, reorder a line or become a link: no form of the audit has them."""

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from drops.text import is_unsafe
from functions.iam_audit import __main__ as command
from functions.iam_audit.reports.notification import notify
from functions.iam_audit.reports.report import render_html
from functions.iam_audit.reports.sarif import to_sarif
from functions.iam_audit.reports.security_hub import to_asff
from tests.unit.iam_audit.account_documents import allow, role
from tests.unit.iam_audit.audit_reports import report_on

# What clears the screen, sets the window's title, begins either in C1's way, reorders, hides, begins a line.
UNCLEAN = [
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "\u202egnp",
    "\u2066",
    "\u200b",
    "\r",
    "\n",
    "\u2028",
    "\x7f",
]


def page(report: Any) -> str:
    return render_html(report)


def mail(report: Any) -> str:
    sent: list[str] = []

    class Topic:
        @staticmethod
        def publish(**message: str) -> None:
            sent.append(message["Message"])

    assert notify(report, html_uri="s3://data/audit.html", topic_arn="arn:x", sns=Topic)
    return sent[0]


def asff(report: Any) -> str:
    return "".join(each["Title"] + each["Description"] for each in to_asff(report, region="us-east-1"))


def sarif(report: Any) -> str:
    return "".join(each["message"]["text"] for each in to_sarif(report, source="x")["runs"][0]["results"])


def printed(report: Any) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        command._print(report)
    return text.getvalue()


@pytest.mark.parametrize("form", [page, mail, asff, sarif, printed])
@pytest.mark.parametrize("unclean", UNCLEAN, ids=ascii)
def test_no_form_of_the_report_has_an_unsafe_character_of_a_name(form: Any, unclean: str) -> None:
    clean, dirty = "AdminXY", f"AdminX{unclean}Y"
    expected = form(report_on(role(clean, allow("*"))))
    report = report_on(role(dirty, allow("*")))
    for finding in report["findings"]:
        finding["reason"] += dirty

    text = form(report)

    own = {character for character in expected if is_unsafe(character)}
    assert {character for character in text if is_unsafe(character)} <= own
    # A line end of a name begins no line.
    assert len(form(report_on(role(clean, allow("*")))).splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("unclean", UNCLEAN, ids=ascii)
def test_the_reason_of_the_gate_is_one_clean_and_bounded_line(unclean: str) -> None:
    ours = role(f"training{unclean}" + "x" * 5000, allow("*"), path="/dropserve/")

    reason = report_on(ours)["gate"]["reason"]

    assert not any(map(is_unsafe, reason))
    assert len(reason) <= 1000


@pytest.mark.parametrize(
    "text", ["[Fix it](https://evil.example)", "see [a] and [b](x)", "[[x](javascript:y)"]
)
def test_no_link_of_a_name_stands_in_a_sarif_message(text: str) -> None:
    report = report_on(role("a", allow("*")))
    report["findings"][0]["reason"] = text

    message = sarif(report)

    assert not re.search(r"(?<!\\)\]\(", message)
    assert not re.search(r"(?<!\\)\[", message)


def test_the_command_says_what_is_wrong_on_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a\x1b[2J\nb.json"
    monkeypatch.setattr(sys, "argv", ["iam_audit", str(file)])

    assert command.main() == 2

    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("depth", [1000, 5000, 100_000])
def test_a_policy_that_is_nested_too_deeply_is_refused_or_read(
    depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    details = role("admin", allow("*", Condition={"StringEquals": {"k": "DEEP"}}))
    document = {"RoleDetailList": [details], "UserDetailList": [], "GroupDetailList": [], "Policies": []}
    file = tmp_path / "details.json"
    file.write_text(json.dumps(document).replace('"DEEP"', "[" * depth + "]" * depth))
    monkeypatch.setattr(sys, "argv", ["iam_audit", str(file)])

    status = command.main()

    assert status == 0 or "nested too deeply" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_is_read_as_whatever_shell_wrote_it(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {
        "RoleDetailList": [role("Möwe", allow("*"))],
        "UserDetailList": [],
        "GroupDetailList": [],
        "Policies": [],
    }
    file = tmp_path / "details.json"
    file.write_bytes(json.dumps(document, ensure_ascii=False).encode(encoding))
    monkeypatch.setattr(sys, "argv", ["iam_audit", str(file)])

    assert command.main() == 0
    assert "Möwe" in capsys.readouterr().out
