"""Every page by the rules of axe-core, in light and dark, and at a telephone's width."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.end_to_end.console.small_sets import choose, zip_of


def faults_of(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], node["html"]) for each in found for node in each["nodes"]]


def check(page: Page, path: str) -> None:
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(path)
    assert faults_of(page) == [], path
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    assert faults_of(page) == [], f"{path}, dark and narrow"
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, path


@pytest.mark.parametrize(
    "paths",
    [
        ["/", "/drop", "/runs", "/runs/new", "/runs/{run}", "/nothing"],
        ["/releases", "/releases/pause", "/ask", "/audit", "/capacity", "/capacity/reset"],
        ["/data", "/data/{run}", "/data/{hostile_run}", "/data/{run}/drop", "/data/captures"],
    ],
    ids=["runs", "releases", "data"],
)
def test_pages_are_accessible_and_fit(
    page: Page, first_release: dict[str, Any], hostile_run: str, paths: list[str]
) -> None:
    for path in paths:
        check(page, path.format(run=first_release["run_id"], hostile_run=hostile_run))


def test_a_drop_that_is_looked_at_is_accessible_and_fits(page: Page, tmp_path: Path) -> None:
    choose(page, zip_of(tmp_path, "garden.zip", {"roses": 21, "tulips": 22}))
    check(page, page.url)
