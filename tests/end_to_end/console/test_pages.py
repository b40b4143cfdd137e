"""The pages in a browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_the_navigation_leads_to_the_runs(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    expect(page.get_by_text("dropserve runs")).to_be_visible()
