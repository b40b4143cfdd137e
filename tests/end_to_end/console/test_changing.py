"""Changes of a deployment by the console: a pause, a canary that begins and ends, capacity."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.support.command_line import Dropserve

CHANGE_LIMIT_MS = 240_000


def test_a_deployment_is_paused_and_resumed(
    page: Page, dropserve: Dropserve, first_release: dict[str, Any]
) -> None:
    run_id = dropserve.json("status")["run_id"]
    page.goto("/releases")
    for action, outcome in (("Pause", "paused"), ("Resume", "resumed")):
        page.get_by_role("link", name=action).click()
        expect(page.get_by_text(f"dropserve {action.lower()}", exact=True)).to_be_visible()
        page.get_by_role("button", name=action).click()
        page.wait_for_url(re.compile(r"/releases\?run=[0-9a-f]{32}$"))
        page.reload()
        change = page.locator("section", has=page.get_by_role("heading", name=action))
        expect(change.locator(".status")).to_have_text(outcome, timeout=CHANGE_LIMIT_MS)
        assert bool(dropserve.json("status")["paused_at"]) == (action == "Pause")
    live = page.locator("section", has=page.get_by_role("heading", name="Live", exact=True))
    expect(live).to_contain_text(run_id[:8])


@pytest.fixture
def pointer(dropserve: Dropserve, first_release: dict[str, Any]) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """SSM, the live pointer's name, and what it says, also after the test."""
    ssm, name = dropserve.client("ssm"), dropserve.outputs["LivePointerParameter"]
    text = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    yield ssm, name, json.loads(text)
    ssm.put_parameter(Name=name, Value=text, Overwrite=True)


def test_a_canary_is_shown_from_its_beginning_to_its_end(
    page: Page, pointer: tuple[Any, str, dict[str, Any]]
) -> None:
    ssm, name, live = pointer
    run_id = uuid4().hex
    # As the state `Start canary` writes it.
    canary = {"release": f"dropserve-{run_id}", "endpoint_name": live["endpoint_name"], "run_id": run_id}
    page.goto("/releases")
    card = page.locator("section", has=page.get_by_role("heading", name="Canary"))
    expect(card).to_have_count(0)
    begun = {**live, "canary": {**canary, "share": 0.25}}
    ssm.put_parameter(Name=name, Value=json.dumps(begun), Overwrite=True)
    expect(card).to_contain_text("25 % of the requests go to it")
    expect(card).to_contain_text(run_id[:8])
    expect(page.get_by_role("img", name=re.compile("Calls of the canary model"))).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("region", name="Live release")).to_contain_text("25 % of the requests")
    page.goto("/releases")
    ssm.put_parameter(Name=name, Value=json.dumps(live), Overwrite=True)
    expect(card).to_have_count(0)


def test_the_page_goes_on_to_what_its_work_came_to(page: Page, first_release: dict[str, Any]) -> None:
    page.goto("/capacity")
    page.get_by_role("link", name="Reset").click()
    page.get_by_role("button", name="Reset").click()
    work = page.get_by_role("region", name="The review by hand")
    expect(work).to_contain_text("Done")
    expect(work.get_by_role("link")).to_have_count(0)
    expect(work).to_contain_text("Reset.")
