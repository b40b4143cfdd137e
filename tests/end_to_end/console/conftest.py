"""A console on the shared deployment, and a browser that came by its link."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from deploy_scripts.project import PROGRAMS
from tests.end_to_end.console.doctor_reports import FILES, HOSTILE, finding, put_report
from tests.support.command_line import Dropserve

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
START_LIMIT_S = 60
# Of what a page shows, on a machine that does much else; a whole run has its own limit.
SHOWN_LIMIT_MS = 60_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="there is no chromium: apt-get install chromium"))


@dataclass(frozen=True)
class ConsoleProcess:
    """`dropserve console` as it runs, the link that it printed, and the file of all that it prints."""

    link: str
    process: subprocess.Popen[bytes]
    printed: Path

    @property
    def origin(self) -> str:
        return self.link.partition("/open")[0]


@contextmanager
def running_console(dropserve: Dropserve, printed: Path) -> Iterator[ConsoleProcess]:
    with printed.open("w") as output:
        process = subprocess.Popen(
            [str(PROGRAMS / "dropserve"), "console", "--no-browser", "--port", "0"],
            env=dropserve.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield ConsoleProcess(_link(printed, process), process, printed)
    finally:
        process.terminate()
        ended = process.wait(60)
    assert ended == 0
    # Nothing but its two lines: what a browser does is no reason for a trace.
    assert len(printed.read_text().splitlines()) == 2, printed.read_text()


@pytest.fixture(scope="session")
def opening_link(dropserve: Dropserve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The link that the command printed."""
    with running_console(dropserve, tmp_path_factory.mktemp("console") / "printed") as console:
        yield console.link


@pytest.fixture
def other_console(dropserve: Dropserve, tmp_path: Path) -> Iterator[ConsoleProcess]:
    """One more, for a test that ends it."""
    with running_console(dropserve, tmp_path / "printed") as console:
        yield console


@pytest.fixture
def stop_runs(dropserve: Dropserve) -> Callable[[], None]:
    """Stops every execution of the workflow, as a person does."""

    def stop() -> None:
        functions = dropserve.client("stepfunctions")
        running = functions.list_executions(
            stateMachineArn=dropserve.outputs["StateMachineArn"], statusFilter="RUNNING"
        )
        for each in running["executions"]:
            functions.stop_execution(executionArn=each["executionArn"], cause="stopped by hand")

    return stop


def _link(printed: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+/open\?token=\S+", printed.read_text()):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(printed.read_text())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Playwright's event loop runs as long as this: no test of another folder may find it."""
    with sync_playwright() as playwright:
        # Its sandbox needs privileges that a container has not; it opens nothing but the console.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, opening_link: str) -> Iterator[BrowserContext]:
    """A browser profile of its own that came by the link."""
    expect.set_options(timeout=SHOWN_LIMIT_MS)
    with chromium.new_context(base_url=opening_link.partition("/open")[0]) as context:
        context.set_default_timeout(SHOWN_LIMIT_MS)
        page = context.new_page()
        page.goto(opening_link)
        page.wait_for_url(re.compile(r"/$"))
        page.close()
        yield context


@pytest.fixture
def page(window: BrowserContext) -> Iterator[Page]:
    """An empty page; a script's error, a dialog, or what breaks the console's policy fails the test."""
    opened = window.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("dialog", lambda dialog: faults.append(dialog.message))
    opened.on("console", lambda message: _keep_violation(message.text, faults))
    yield opened
    assert faults == []


def _keep_violation(text: str, faults: list[str]) -> None:
    if "Content Security Policy" in text:
        faults.append(text)


@pytest.fixture
def hostile_run(dropserve: Dropserve, first_release: dict[str, Any]) -> Iterator[str]:
    """A judged run whose doctor found photos of hostile names; nothing of it stays."""
    run_id, bucket = uuid4().hex, dropserve.outputs["BucketName"]
    s3, table = dropserve.client("s3"), dropserve.outputs["LedgerTableName"]
    hostile = finding(f"{HOSTILE}/{HOSTILE}.jpg", HOSTILE, "roots")
    put_report(dropserve, run_id, [hostile, finding("roots/2.jpg", "roots", HOSTILE)])
    row = {"run_id": run_id, "status": "champion_kept", "source": "drop", "dataset": HOSTILE}
    row |= {"bucket": bucket, "drop_key": "drops/hostile.zip", "started_at": "2026-01-01T00:00:00.000Z"}
    item = {**{name: {"S": value} for name, value in row.items()}, "accuracy": {"N": "0.5"}}
    dynamodb = dropserve.client("dynamodb")
    dynamodb.put_item(TableName=table, Item=item)
    yield run_id
    dynamodb.delete_item(TableName=table, Key={"run_id": {"S": run_id}})
    for name in FILES:
        s3.delete_object(Bucket=bucket, Key=f"runs/{run_id}/{name}")
