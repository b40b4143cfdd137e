"""The console's pages of releases, questions, photos, audits and capacity, in a browser."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from deploy_scripts.demo_data import PhotoSet
from deploy_scripts.operations.drops.review_drafts import draft_file
from drops.review import read_review
from tests.support.command_line import Dropserve
from training.doctor.kinds import PHOTO_KINDS

HOSTILE = "<img src=x onerror=alert(1)>"
ROLLBACK_LIMIT_MS = 240_000


def test_a_photo_at_an_address_is_asked_about(
    page: Page, dropserve: Dropserve, first_release: dict[str, Any], food_photos: PhotoSet
) -> None:
    s3, bucket, key = dropserve.client("s3"), dropserve.outputs["BucketName"], f"uploads/{uuid4().hex}.jpeg"
    s3.upload_file(str(food_photos.held_out[0][1]), bucket, key)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    told = dropserve.json("predict", url)
    page.goto("/ask")
    page.get_by_label("Address", exact=True).fill(url)
    page.get_by_label("With a heat map").check()
    page.get_by_role("button", name="Ask").click()
    answer = page.get_by_role("table", name="Probability of each class")
    best = told["predictions"][0]
    expect(answer.get_by_role("row").first).to_contain_text(best["label"])
    expect(answer.get_by_role("row").first).to_contain_text(f"{best['probability']:.3f}")
    expect(page.get_by_role("img", name=re.compile("Heat map of"))).to_be_visible()
    expect(page.get_by_role("table", name="Phases of the request")).to_contain_text("Ask the endpoint")
    # Another test may have put a model live that was trained without.
    known = "unknown above" if "unknown" in told else "this model cannot tell unknown photos"
    expect(page.get_by_text(known)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/ask\?url=.*explain=on"))
    # The address is a link to the same question.
    page.reload()
    expect(page.get_by_label("Address", exact=True)).to_have_value(url)


def test_a_photo_of_this_machine_is_asked_about(
    page: Page, first_release: dict[str, Any], food_photos: PhotoSet
) -> None:
    page.goto("/ask")
    page.set_input_files("#photo", food_photos.held_out[0][1])
    expect(page.get_by_role("img", name="The photo that was sent")).to_be_visible()
    expect(page.get_by_role("table", name="Probability of each class")).to_be_visible()
    expect(page.locator(".snippet pre").first).to_contain_text("dropserve predict")
    text = {"name": f"{HOSTILE}.txt", "mimeType": "image/png", "buffer": b"no photo"}
    page.set_input_files("#photo", text)  # type: ignore[arg-type]  # a file as a dictionary
    expect(page.get_by_role("alert")).to_contain_text("No prediction")
    expect(page.get_by_role("alert")).to_contain_text(HOSTILE)


@pytest.fixture
def way_back(dropserve: Dropserve, first_release: dict[str, Any]) -> str:
    """A run to go back to; one more is trained where there is none."""
    for _ in range(2):
        kept = [each["run_id"] for each in dropserve.json("releases") if each["state"] == "kept"]
        if kept:
            return str(kept[0])
        dropserve.json("run", "--key", "drops/small.zip", "--force", "--watch")
    raise AssertionError("no release is kept")


def test_a_rollback_is_confirmed_and_watched(page: Page, dropserve: Dropserve, way_back: str) -> None:
    page.goto("/releases")
    page.get_by_role("link", name=f"Roll back to run {way_back[:8]}").click()
    expect(page.get_by_text(f"dropserve rollback --to {way_back[:8]}")).to_be_visible()
    page.get_by_role("button", name="Roll back").click()
    page.wait_for_url(re.compile(r"/releases\?run=[0-9a-f]{32}$"))
    expect(page.get_by_role("link", name="Pause")).to_have_count(0)
    page.reload()
    change = page.locator("section", has=page.get_by_role("heading", name="Rollback"))
    expect(change.locator(".status")).to_have_text("restored", timeout=ROLLBACK_LIMIT_MS)
    live = page.locator("section", has=page.get_by_role("heading", name="Live", exact=True))
    expect(live).to_contain_text(way_back[:8])
    assert dropserve.json("status")["run_id"] == way_back
    expect(page.get_by_role("link", name="Pause")).to_be_visible()


@pytest.fixture
def hostile_run(dropserve: Dropserve, first_release: dict[str, Any]) -> Iterator[str]:
    """A judged run whose doctor found photos of hostile names; nothing of it stays."""
    run_id, bucket = uuid4().hex, dropserve.outputs["BucketName"]
    s3, table = dropserve.client("s3"), dropserve.outputs["LedgerTableName"]
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(stream, "JPEG")
    photo = f"{HOSTILE}/{HOSTILE}.jpg"
    finding = {
        "kind": "label_error",
        "action": "relabel",
        "photo": photo,
        "split": "train",
        "label": HOSTILE,
        "suggested_label": "roots",
        "like": None,
        "left_out": False,
        "score": 0.9,
        "why": f"by the other photos it is roots rather than {HOSTILE}",
        "thumbnail": None,
        "like_thumbnail": None,
    }
    second = {**finding, "photo": "roots/2.jpg", "label": "roots", "suggested_label": HOSTILE}
    kinds = tuple(PHOTO_KINDS)
    document = {
        "schema_version": 1,
        "run_id": run_id,
        "classes": [HOSTILE, "roots"],
        "photos": {"train": 2, "valid": 0, "test": 0},
        "labels_checked": 2,
        "test_labels_checked": 0,
        "counts": {**dict.fromkeys(kinds, 0), "confusable_classes": 0, "few_photos": 0, "label_error": 2},
        "photo_findings": [finding, second],
        "class_findings": [],
    }
    files = {"doctor.json": json.dumps(document), "review.csv": "action,file\n"}
    for name, text in files.items():
        s3.put_object(Bucket=bucket, Key=f"runs/{run_id}/{name}", Body=text.encode())
    row = {"run_id": run_id, "status": "champion_kept", "source": "drop", "dataset": HOSTILE}
    row |= {"bucket": bucket, "drop_key": "drops/hostile.zip", "started_at": "2026-01-01T00:00:00.000Z"}
    item = {**{name: {"S": value} for name, value in row.items()}, "accuracy": {"N": "0.5"}}
    dynamodb = dropserve.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=item)
    yield run_id
    dynamodb.delete_item(TableName=table, Key={"run_id": {"S": run_id}})
    for name in files:
        s3.delete_object(Bucket=bucket, Key=f"runs/{run_id}/{name}")


def test_photos_are_relabelled_by_keys_and_hostile_names_stay_text(
    page: Page, dropserve: Dropserve, hostile_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.goto(f"/data/{hostile_run}")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Photos of {HOSTILE}")
    expect(page.locator(".photo").first).to_contain_text(f"rather than {HOSTILE}")
    page.keyboard.press("n")
    page.keyboard.press("r")
    expect(page.locator("#counts")).to_contain_text("1 to relabel")
    page.keyboard.press("n")
    page.keyboard.press("d")
    expect(page.locator("#counts")).to_contain_text("1 to drop")
    page.keyboard.press("u")
    expect(page.locator("#counts")).to_contain_text("0 to drop")
    page.get_by_label("Class to relabel to").nth(1).fill("no such class")
    page.get_by_label("Class to relabel to").nth(1).press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("There is no class")
    assert page.locator("main img[src='x']").count() == 0
    page.reload()
    expect(page.locator("#counts")).to_contain_text("1 decided")
    page.get_by_role("link", name="Drop with these decisions").click()
    expect(page.get_by_role("row", name=re.compile("relabel roots"))).to_contain_text(HOSTILE)
    monkeypatch.setenv("DROPSERVE_HOME", str(dropserve.home))
    text = draft_file(dropserve.outputs["BucketName"], hostile_run).read_text("utf-8")
    decided, refused = read_review(text)
    assert [(each.action, each.file, each.suggested_label) for each in decided] == [
        ("relabel", f"{HOSTILE}/{HOSTILE}.jpg", "roots")
    ]
    assert not refused


def test_findings_are_filtered_as_one_types(page: Page, first_release: dict[str, Any]) -> None:
    page.goto("/audit")
    said = page.get_by_text(re.compile(r"^\d+ of \d+ findings$"))
    every = said.inner_text()
    page.get_by_label("Role or resource").press_sequentially("iam::000000000000:root")
    expect(said).not_to_have_text(every)
    expect(page).to_have_url(re.compile(r"/audit\?role="))
    expect(page.get_by_role("row").nth(1)).to_contain_text("root")


@pytest.mark.parametrize(
    "look",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}],
    ids=["light", "dark", "360px"],
)
def test_the_pages_are_accessible_and_fit(
    chromium: Browser,
    opening_link: str,
    look: dict[str, Any],
    first_release: dict[str, Any],
    hostile_run: str,
) -> None:
    with chromium.new_context(base_url=opening_link.partition("/open")[0], **look) as context:
        page = context.new_page()
        page.goto(opening_link)
        page.wait_for_url(re.compile(r"/$"))
        run = first_release["run_id"]
        paths = ["/releases", "/releases/pause", "/ask", "/data", f"/data/{run}", f"/data/{hostile_run}"]
        for path in (*paths, f"/data/{run}/drop", "/data/captures", "/audit", "/capacity", "/capacity/reset"):
            page.goto(path)
            found = Axe().run(page).response["violations"]
            faults = [(each["id"], node["html"]) for each in found for node in each["nodes"]]
            assert faults == [], path
            wider = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wider <= 0, path
