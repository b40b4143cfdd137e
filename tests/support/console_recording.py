"""Records the README's animation: a second dataset is dropped in the console, goes live, and is asked about.

`dropserve demo`, `dropserve console --no-browser`, then
`python -m tests.support.console_recording LINK docs/console.gif`. Beside it, `console.png` is the run as it
trains.
"""

import io
import re
import shutil
import sys
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from deploy_scripts.demo_data import prepare_photos

# Rice, nuts and other photos that no model of the demo has seen.
CLASSES = {"A": "cereals", "D": "vegetables", "H": "nuts"}
WIDTH, HEIGHT = 1000, 680
SHOWN_WIDTH = 750
STILL: FloatRect = {"x": 0, "y": 0, "width": 1000, "height": 900}
RUN_LIMIT_S = 400
STILL_MS, LIVE_MS, LAST_MS = 1600, 300, 4000
COLOURS = 64


class Recording:
    """Frames of a page, each with the milliseconds that it stays."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[tuple[Image.Image, int]] = []

    def show(self, stay_ms: int) -> None:
        """Add the page as it is; one that looks as before makes the last frame longer, within reason."""
        shot = Image.open(io.BytesIO(self._page.screenshot())).convert("RGB")
        frame = shot.resize((SHOWN_WIDTH, HEIGHT * SHOWN_WIDTH // WIDTH), Image.Resampling.LANCZOS)
        if not self._frames or self._frames[-1][0].tobytes() != frame.tobytes():
            self._frames.append((frame, stay_ms))

    def write(self, file: Path) -> None:
        width, height = self._frames[0][0].size
        every = Image.new("RGB", (width, height * len(self._frames)))
        for row, (frame, _) in enumerate(self._frames):
            every.paste(frame, (0, height * row))
        palette = every.quantize(COLOURS)
        images = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame, _ in self._frames]
        times_ms = [stay_ms for _, stay_ms in self._frames]
        images[0].save(
            file, save_all=True, append_images=images[1:], duration=times_ms, loop=0, optimize=True
        )


def record(page: Page, link: str, file: Path) -> None:
    """Raises playwright's errors where a page is not as expected, TimeoutError where the run takes long."""
    photos = prepare_photos("console-recording", CLASSES, at_most=20)
    recording = Recording(page)
    page.goto(link)
    page.wait_for_url(re.compile(r"/$"))
    recording.show(STILL_MS)
    page.get_by_role("link", name="Drop", exact=True).click()
    recording.show(STILL_MS)
    page.set_input_files("#zip-file", photos.zip_file)
    page.wait_for_url(re.compile(r"/drop/\w+$"))
    page.get_by_role("heading", name="Plan and cost").wait_for()
    page.wait_for_load_state("networkidle")
    recording.show(STILL_MS)
    page.get_by_label("Name of the dataset").fill("market")
    page.get_by_role("button", name="Upload and start the run").scroll_into_view_if_needed()
    recording.show(STILL_MS)
    page.get_by_role("button", name="Upload and start the run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f]{32}$"))
    _follow(page, recording, file.with_suffix(".png"))
    page.get_by_role("link", name="Ask", exact=True).click()
    recording.show(STILL_MS)
    page.set_input_files("#photo", photos.held_out[0][1])
    page.get_by_role("table", name="Probability of each class").wait_for()
    page.wait_for_timeout(500)
    page.get_by_role("table", name="Probability of each class").scroll_into_view_if_needed()
    recording.show(LAST_MS)
    recording.write(file)


def _follow(page: Page, recording: Recording, still: Path) -> None:
    """To the run's end; `still` is the last picture in which the training has a curve."""
    deadline = time.monotonic() + RUN_LIMIT_S
    at_work = page.get_by_role("img", name=re.compile("Train on SageMaker: running"))
    while page.locator(".status").first.inner_text() == "running":
        if time.monotonic() > deadline:
            raise TimeoutError(f"The run goes on after {RUN_LIMIT_S} s.")
        recording.show(LIVE_MS)
        if at_work.count() and page.locator(".chart").count():
            page.screenshot(path=still, full_page=True, clip=STILL)
        page.wait_for_timeout(1500)
    recording.show(STILL_MS)


def main() -> None:
    link, file = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(120_000)
        record(page, link, Path(file))
        browser.close()


if __name__ == "__main__":
    main()
