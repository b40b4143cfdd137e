"""What goes in by the console: dragged files, captured photos, a run's photos; and what cuts it off."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from contracts.bucket import CAPTURE_METADATA
from deploy_scripts.demo_data import PhotoSet
from tests.end_to_end.console.conftest import ConsoleProcess
from tests.end_to_end.console.doctor_reports import finding, put_report
from tests.end_to_end.console.small_sets import folder_of, zip_of
from tests.support.command_line import Dropserve
from tests.support.waiting import wait_until

RUN_PAGE = re.compile(r"/runs/[0-9a-f]{32}$")
ENDS_WITHIN_S = 20


def drag(page: Page, *paths: Path) -> None:
    """Drag files from the desktop onto the zone, as the mouse does."""
    box = page.locator("#drop-zone").bounding_box()
    assert box
    files = {"items": [], "files": list(map(str, paths)), "dragOperationsMask": 1}
    browser = page.context.new_cdp_session(page)
    for step in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + 20, "y": box["y"] + 20}
        browser.send("Input.dispatchDragEvent", {"type": step, **place, "data": files})


def test_a_zip_and_a_folder_are_dragged_onto_the_page(page: Page, tmp_path: Path) -> None:
    classes = {"roses": 7, "tulips": 6}
    folder, file = folder_of(tmp_path, "garden", classes), zip_of(tmp_path, "park.zip", classes)
    page.goto("/drop")
    drag(page, file, folder)
    expect(page.locator("#receiving-error")).to_contain_text("Drop one thing")
    for path in (file, folder):
        drag(page, path)
        page.wait_for_url(re.compile(r"/drop/\w+$"))
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Drop {path.stem}")
        expect(page.get_by_role("row", name="tulips 6")).to_be_visible()
        page.goto("/drop")


@pytest.fixture
def captured(dropserve: Dropserve, first_release: dict[str, Any], food_photos: PhotoSet) -> list[str]:
    """Keys of two photos that the inference function could have kept."""
    s3, bucket, keys = dropserve.client("s3"), dropserve.outputs["BucketName"], []
    for number, (label, photo) in enumerate(food_photos.held_out[:2]):
        told = {
            "sha256": f"{number}" * 64,
            "size_bytes": photo.stat().st_size,
            "source": "https://example.com/photo.jpg",
            "label": label,
            "probability": 0.4,
            "release": first_release["release"],
            "captured_at": "2026-01-31T10:00:00+00:00",
        }
        keys.append(f"captures/2026-01-31/{number:05d}.jpg")
        metadata = {CAPTURE_METADATA: quote(json.dumps(told))}
        s3.put_object(Bucket=bucket, Key=keys[-1], Body=photo.read_bytes(), Metadata=metadata)
    return keys


def test_captured_photos_go_into_the_next_drop(
    page: Page, dropserve: Dropserve, captured: list[str], stop_runs: Callable[[], None]
) -> None:
    page.goto("/data/captures")
    expect(page.locator(".photo")).to_have_count(len(captured))
    page.keyboard.press("n")
    page.keyboard.press("d")
    expect(page.locator("#counts")).to_contain_text("1 to drop")
    page.get_by_label("Class to relabel to").nth(1).fill("fruits")
    page.get_by_label("Class to relabel to").nth(1).press("Tab")
    expect(page.locator("#counts")).to_contain_text("1 to relabel")
    page.get_by_role("link", name="Drop with these decisions").click()
    page.get_by_role("button", name="Make the next drop").click()
    page.wait_for_url(RUN_PAGE)
    expect(page.get_by_role("region", name="Outcome")).to_contain_text(" - drop, started")
    stop_runs()
    assert dropserve.json("review") == []
    page.goto("/data/captures")
    expect(page.get_by_text("No photo waits for a review")).to_be_visible()


def test_a_run_of_a_folder_is_dropped_again_without_a_photo(
    page: Page,
    dropserve: Dropserve,
    first_release: dict[str, Any],
    tmp_path: Path,
    stop_runs: Callable[[], None],
) -> None:
    folder = folder_of(tmp_path, "garden", {"roses": 7, "tulips": 6})
    run_id = dropserve.json("drop", folder)["run_id"]
    s3, bucket = dropserve.client("s3"), dropserve.outputs["BucketName"]

    def keys_below(prefix: str) -> set[str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return {each["Key"] for each in listed}

    wait_until(lambda: keys_below(f"snapshots/{run_id}/manifest.jsonl"))
    stop_runs()
    before = keys_below("drops/garden/")
    put_report(dropserve, run_id, [finding("roses/0.jpg", "roses", "tulips")])
    page.goto(f"/data/{run_id}")
    page.keyboard.press("n")
    page.keyboard.press("d")
    expect(page.locator("#counts")).to_contain_text("1 to drop")
    page.get_by_role("link", name="Drop with these decisions").click()
    page.get_by_role("button", name="Drop again").click()
    page.wait_for_url(RUN_PAGE)
    stop_runs()
    assert before - keys_below("drops/garden/") == {"drops/garden/roses/0.jpg"}
    assert not page.url.endswith(run_id)


def test_a_reload_cuts_off_an_upload_and_ctrl_c_ends_the_console_without_a_word(
    chromium: Browser, other_console: ConsoleProcess, first_release: dict[str, Any], tmp_path: Path
) -> None:
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate(1_000_000_000)
    with chromium.new_context(base_url=other_console.origin) as context:
        page = context.new_page()
        page.goto(other_console.link)
        page.wait_for_url(re.compile(r"/$"))
        page.goto("/drop")
        for leave in (page.reload, lambda: other_console.process.send_signal(signal.SIGINT)):
            with page.expect_request("**/drop/zip?name=large.zip"):
                page.set_input_files("#zip-file", large)
            followed = context.new_page()
            with followed.expect_response("**/feed"):
                followed.goto("/releases")
            leave()
        assert other_console.process.wait(ENDS_WITHIN_S) == 0
        expect(page.locator("#receiving-error")).to_contain_text("Is it still running?")
