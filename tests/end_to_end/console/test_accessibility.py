"""Every page by the rules of axe-core, in light and dark, and at a telephone's width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.end_to_end.console.small_sets import choose, zip_of


def faults_of(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], node["html"]) for each in found for node in each["nodes"]]


def test_every_page_is_accessible_and_fits(
    page: Page, first_release: dict[str, Any], hostile_run: str, tmp_path: Path
) -> None:
    choose(page, zip_of(tmp_path, "garden.zip", {"roses": 21, "tulips": 22}))
    run = first_release["run_id"]
    paths = [page.url, "/", "/drop", "/runs", "/runs/new", f"/runs/{run}", "/nothing"]
    paths += ["/releases", "/releases/pause", "/ask", "/audit", "/capacity", "/capacity/reset"]
    paths += ["/data", f"/data/{run}", f"/data/{hostile_run}", f"/data/{run}/drop", "/data/captures"]
    for path in paths:
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1280, "height": 720})
        page.goto(path)
        assert faults_of(page) == [], path
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 740})
        assert faults_of(page) == [], f"{path}, dark and narrow"
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, path
