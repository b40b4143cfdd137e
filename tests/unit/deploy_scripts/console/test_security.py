"""Nobody but the person's own browser gets an answer."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from deploy_scripts.console.security import Gate


def test_the_link_gives_a_cookie_that_no_script_and_no_other_site_gets(
    stranger: TestClient, gate: Gate
) -> None:
    answer = stranger.get(gate.opening_link)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{gate.cookie_name}={gate.session};")
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert gate.token not in answer.text and gate.session not in answer.text


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_wrong_token_gives_none(stranger: TestClient, token: str) -> None:
    answer = stranger.get("/open", params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/feed", "/nothing"])
def test_without_the_cookie_there_is_no_page(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "dropserve console" in answer.text


def test_another_cookie_is_none(stranger: TestClient, gate: Gate) -> None:
    assert stranger.get("/runs", headers={"Cookie": f"{gate.cookie_name}=guess"}).status_code == 403


@pytest.mark.parametrize("host", ["evil.example:4590", "localhost:4590", "127.0.0.1", "127.0.0.1:4591", ""])
def test_another_host_is_refused(browser: TestClient, host: str) -> None:
    for path in ("/runs", "/static/console.css", "/open"):
        assert browser.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:4591", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {},
        {"Origin": "http://127.0.0.1:4590", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_of_another_page_is_refused(browser: TestClient, headers: dict[str, str]) -> None:
    assert browser.post("/runs", headers=headers).status_code == 403


def test_a_form_of_its_own_comes_to_the_page(browser: TestClient, own: dict[str, str]) -> None:
    answer = browser.post("/runs", headers=own)
    assert answer.status_code == 405
    assert "does not take this method" in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}],
)
def test_a_foreign_page_cannot_follow_a_feed(browser: TestClient, headers: dict[str, str]) -> None:
    answer = browser.get("/runs/feed", headers={"Accept": "text/event-stream", **headers})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/nothing", "/static/console.css", "/open"])
def test_every_answer_has_the_headers(browser: TestClient, path: str) -> None:
    headers = browser.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../security.py",
        "/static/%2e%2e/security.py",
        "/static/..%2fsecurity.py",
        "/static//etc/passwd",
    ],
)
def test_static_files_are_those_of_the_folder(browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "hmac" not in answer.text


def test_a_hostile_name_stays_text(browser: TestClient, stubbed: Any) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\u202e"
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(dataset=hostile)]})
    stubbed.answer("s3", "list_objects_v2", {})
    page = browser.get("/runs").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "\x1b" not in page and "\u202e" not in page


def test_an_error_says_what_and_what_to_do_and_no_trace(browser: TestClient, stubbed: Any) -> None:
    stubbed.refuse("dynamodb", "scan", "AccessDeniedException", "no dynamodb:Scan for you")
    answer = browser.get("/runs")
    assert answer.status_code == 502
    assert "no dynamodb:Scan for you" in answer.text and "--profile NAME" in answer.text
    assert "Traceback" not in answer.text
