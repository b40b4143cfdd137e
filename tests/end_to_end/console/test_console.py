"""The console in a browser, on the local cloud: drop, start, follow; and whom it does not answer."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from deploy_scripts.demo_data import PhotoSet
from tests.end_to_end.console.doctor_reports import HOSTILE
from tests.end_to_end.console.small_sets import choose, folder_of, zip_of
from tests.support.command_line import Dropserve
from tests.support.waiting import wait_until

RUN_LIMIT_MS = 280_000


def test_a_drop_is_looked_at_confirmed_and_followed(
    page: Page, dropserve: Dropserve, food_photos: PhotoSet, stop_runs: Callable[[], None]
) -> None:
    choose(page, food_photos.zip_file)
    plan = page.locator("section", has=page.get_by_role("heading", name="Plan and cost"))
    expect(plan).to_contain_text("on SageMaker: about")
    said = plan.locator("p", has_text="on SageMaker").inner_text()
    page.get_by_label("Name of the dataset").fill("from-the-page")
    page.get_by_role("button", name="Upload and start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f]{32}$"))
    run_id = page.url.rpartition("/")[2]
    expect(page.get_by_role("region", name="Outcome")).to_contain_text("from-the-page")
    # The same code has planned it, with the same settings.
    expect(page.get_by_text(f"Plan: {said}")).to_be_visible()
    train = page.get_by_role("img", name=re.compile("Train on SageMaker: running"))
    expect(train).to_be_visible()
    page.reload()
    expect(train).to_be_visible()
    run = dropserve.json("runs", run_id)
    assert (run["dataset"], run["key"]) == ("from-the-page", "drops/from-the-page.zip")
    # What stops it is shown where it is followed.
    stop_runs()
    expect(page.get_by_role("region", name="Outcome")).to_contain_text("stopped by hand")
    expect(page.locator(".status").first).to_have_text("failed")
    expect(page.get_by_text(f"`dropserve logs training --run {run_id[:8]}`")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Train on SageMaker: failed"))).to_be_visible()


def test_a_run_that_is_started_by_hand_is_watched_until_its_model_is_live(
    page: Page, dropserve: Dropserve, first_release: dict[str, Any]
) -> None:
    before = dropserve.live_release()
    page.goto("/runs/new?key=drops/small.zip")
    page.get_by_label("Release the model even if").check()
    page.get_by_label("Hyperparameters").fill("epochs=3")
    expect(page.locator(".command")).to_contain_text(
        "dropserve run --key drops/small.zip -p epochs=3 --force"
    )
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f]{32}$"))
    run_id = page.url.rpartition("/")[2]
    expect(page.get_by_role("img", name=re.compile("Training loss from epoch 1 to 3"))).to_be_visible(
        timeout=RUN_LIMIT_MS
    )
    switch = page.get_by_role("img", name=re.compile("Switch live endpoint: done"))
    expect(switch).to_be_visible(timeout=RUN_LIMIT_MS)
    expect(page.locator(".status").first).to_have_text("live", timeout=RUN_LIMIT_MS)
    assert dropserve.live_release() == f"dropserve-{run_id}" != before
    expect(page.get_by_role("link", name="report.html")).to_be_visible()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="report.html").click()
    expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("region", name="Live release")).to_contain_text(run_id[:8])


def test_wrong_overrides_are_said_where_they_were_given(page: Page, first_release: dict[str, Any]) -> None:
    page.goto("/runs/new")
    page.get_by_label("Least test accuracy").fill("7")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("min_accuracy must be")
    expect(page).to_have_url(re.compile("/runs/new$"))


def test_a_bad_drop_gets_its_sentence(page: Page, tmp_path: Path) -> None:
    choose(page, zip_of(tmp_path, "one.zip", {"only": 6}))
    expect(page.locator(".note.error")).to_contain_text("class")
    expect(page.get_by_role("button", name="Upload")).to_have_count(0)
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    choose(page, tmp_path / "bad.zip")
    expect(page.locator(".note.error")).to_contain_text("the file is not a zip archive")


def test_a_folder_is_taken_with_its_paths(page: Page, tmp_path: Path) -> None:
    page.goto("/drop")
    page.set_input_files("#folder-files", folder_of(tmp_path, "garden", {"roses": 21, "tulips": 22}))
    page.wait_for_url(re.compile(r"/drop/\w+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Drop garden")
    expect(page.get_by_role("row", name="tulips 22")).to_be_visible()


def test_a_hostile_class_stays_text(page: Page, tmp_path: Path) -> None:
    choose(page, zip_of(tmp_path, "hostile.zip", {HOSTILE: 21, "b": 21}))
    expect(page.get_by_role("row", name=f"{HOSTILE} 21")).to_be_visible()
    assert page.locator("main img[src]").count() == 0


class ForeignPage(BaseHTTPRequestHandler):
    """A page of another origin, in the same browser; ports of one host share their cookies."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def foreign_origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_foreign_page_can_neither_act_nor_follow(
    window: BrowserContext, dropserve: Dropserve, opening_link: str, foreign_origin: str, first_release: Any
) -> None:
    console = opening_link.partition("/open")[0]
    before = dropserve.json("runs")
    page = window.new_page()
    page.goto(foreign_origin)
    # The cookie goes along, for SameSite knows no ports; the console answers after a run has begun.
    answered = page.evaluate(
        """console => fetch(console + "/runs/new", {method: "POST", mode: "no-cors", credentials: "include",
            body: new URLSearchParams({key: "drops/small.zip", force: "yes"})})
            .then(() => "answered", () => "refused")""",
        console,
    )
    followed = page.evaluate(
        """console => new Promise(resolve => {
            const source = new EventSource(console + "/runs/feed", {withCredentials: true});
            source.onmessage = () => resolve("message");
            source.onerror = () => { source.close(); resolve("refused"); };
        })""",
        console,
    )
    assert (answered, followed) == ("refused", "refused")
    assert dropserve.json("runs") == before


def test_another_host_and_a_browser_without_the_link_get_nothing(opening_link: str) -> None:
    console = opening_link.partition("/open")[0]
    with httpx2.Client(timeout=60) as client:
        assert client.get(opening_link).status_code == 200
        assert client.get(console).status_code == 200
        for host in ("evil.example", "localhost:" + console.rpartition(":")[2]):
            assert client.get(console, headers={"Host": host}).status_code == 403
    with httpx2.Client(timeout=60) as client:
        assert client.get(console).status_code == 403
        assert client.get(f"{console}/open?token=guess").status_code == 403


def test_a_hidden_window_follows_nothing_until_it_is_shown(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto("/")
    set_hidden = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/feed")):
        wait_until(lambda: "feed" in asked or page.wait_for_timeout(100))
        page.evaluate(set_hidden, True)
    page.evaluate("document.querySelector('[sse-swap=running]').textContent = 'old'")
    with page.expect_request("**/feed"):
        page.evaluate(set_hidden, False)
    expect(page.get_by_role("heading", name="Running now")).to_be_visible()
