"""How quick the console is in a browser; results in benchmarks/results/console.json.

A local cloud of its own, with dropserve deployed and `dropserve console` beside it; the browser is the
system's Chromium. `page_s`: from the start of a navigation to the load event, the pages in turns.
`runs_500_over_few`: the page of the runs with 500 in the ledger over the same with one or few.
`page_over_command`: that page with 500 runs over the command `dropserve runs`, which reads the same.
The audit's report has 5,000 findings (the account's own, repeated on other roles), remembered for 15 s:
`audit_first_s` is a page that reads it anew. `filter_s`: there, from a text in "Role or resource" to what it
finds, with the 250 ms that the page waits for more keys.
`live_delay_s`: while the demo's photos are dropped and trained, from the moment that Step Functions notes of
a state to its box in the open page. `--quick` tries it out, without a run, and writes no results.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.support.machine import describe_machine
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.spread import ratios, spread
from contracts.bucket import LAST_AUDIT
from deploy_scripts.aws import Target
from deploy_scripts.demo_data import DEMO_GROUPS, prepare_photos
from deploy_scripts.operations.audits import run_audit
from deploy_scripts.operations.deployment import Deployment, open_deployment
from deploy_scripts.operations.drops.upload import read_dataset, upload_drop
from deploy_scripts.operations.runs.executions import ExecutionFollower
from deploy_scripts.operations.runs.starts import wait_for_drop
from deploy_scripts.project import PROGRAMS

MANY_RUNS = 500
MANY_FINDINGS = 5000
RUN_LIMIT_S = 600
LIMIT_S = 120
# Each change of a box's look, with the browser's clock: it is this machine's.
_RECORD = """() => {
  window.seen = {};
  const look = () => document.querySelectorAll(".box").forEach(box => {
    const title = box.querySelector(".title").textContent;
    for (const state of ["running", "done"])
      if (box.classList.contains(state)) window.seen[title + ":" + state] ??= Date.now();
  });
  look();
  new MutationObserver(look).observe(document.querySelector("main"), {childList: true, subtree: true});
}"""

_FILTER = """text => new Promise(resolve => {
  const field = document.getElementById("role"), began = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - began));
  }).observe(document.getElementById("findings"), {childList: true});
  field.value = text;
  field.dispatchEvent(new Event("input", {bubbles: true}));
})"""


def main() -> None:
    """Set up, measure, print, write the results."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as home:
        os.environ["DROPSERVE_HOME"] = home
        _dropserve("up", "--port", "0")
        try:
            results = _measure(open_deployment(Target()), options)
        finally:
            _dropserve("down")
    print(json.dumps(results, indent=1))
    if not options.quick:
        write_results(RESULTS / "console.json", results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="two rounds, no run, no results written")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 2
    return options


def _measure(deployment: Deployment, options: argparse.Namespace) -> dict[str, Any]:
    _write_runs(deployment, 1)
    with _console() as link, _browser(link) as page:
        few = _page_times(page, options.rounds)
        delays = {} if options.quick else _live_delays(page, deployment)
        _write_runs(deployment, MANY_RUNS)
        _write_findings(deployment, MANY_FINDINGS)
        # The console remembers the ledger for a second, and the last audit for 15.
        page.wait_for_timeout(16_000)
        first_s = _load_s(page, "/audit")
        many = _page_times(page, options.rounds, "/audit")
        filters = _filter_times(page, options.rounds)
    commands = [_timed_command() for _ in range(options.rounds)]
    return {
        "page_s": {name: spread(times) for name, times in many.items()},
        "runs_500_over_few": ratios(many["/runs"], few["/runs"]),
        "audit_first_s": first_s,
        "filter_s": spread(filters),
        "page_over_command": ratios(many["/runs"], commands),
        "command_s": spread(commands),
        **({"live_delay_s": spread(delays.values()), "live_delays_s": delays} if delays else {}),
        "rounds": options.rounds,
        "method": " ".join((__doc__ or "").split()),
        "machine": describe_machine("starlette", "uvicorn", "jinja2"),
    }


def _dropserve(*arguments: str) -> None:
    subprocess.run([str(PROGRAMS / "dropserve"), *arguments], check=True, stdout=subprocess.DEVNULL)


def _timed_command() -> float:
    began = time.perf_counter()
    _dropserve("runs", "--json")
    return time.perf_counter() - began


def _write_runs(deployment: Deployment, count: int) -> None:
    """Runs of the ledger as an ended one leaves them."""
    for number in range(count):
        minute, second = divmod(number % 3600, 60)
        item: Mapping[str, Any] = {
            "run_id": {"S": f"{number:032x}"},
            "dataset": {"S": f"set-{number % 7}"},
            "source": {"S": "drop"},
            "backend": {"S": "sagemaker"},
            "status": {"S": "champion_kept"},
            "accuracy": {"N": "0.9"},
            "reason": {
                "S": "not better than the live model on the same 47 test photos: 0.9000 against 0.9149"
            },
            "started_at": {"S": f"2026-01-01T10:{minute:02d}:{second:02d}.000Z"},
            "ended_at": {"S": f"2026-01-01T11:{minute:02d}:{second:02d}.000Z"},
            "bucket": {"S": deployment.bucket},
            "drop_key": {"S": f"drops/set-{number % 7}.zip"},
            "version_id": {"S": "v"},
            "execution_arn": {
                "S": f"{deployment.state_machine_arn.replace(':stateMachine:', ':execution:')}:{number}"
            },
        }
        deployment.aws.dynamodb.put_item(TableName=deployment.ledger_table, Item=item)


def _write_findings(deployment: Deployment, count: int) -> None:
    """The last audit's report, as the audit of an account writes it in which as much is wrong."""
    report = run_audit(deployment).report
    own = report["findings"]
    report["findings"] = [
        {
            **own[number % len(own)],
            "resource": f"arn:aws:iam::000000000000:role/team-{number % 97}/app-{number}",
        }
        for number in range(count)
    ]
    counts = Counter(each["severity"] for each in report["findings"])
    report["counts"] = {severity: counts[severity] for severity in report["counts"]}
    body = json.dumps(report).encode()
    deployment.aws.s3.put_object(Bucket=deployment.bucket, Key=LAST_AUDIT, Body=body)


@contextmanager
def _console() -> Iterator[str]:
    """The opening link of a console that runs meanwhile."""
    with tempfile.NamedTemporaryFile("w+") as printed:
        arguments = [str(PROGRAMS / "dropserve"), "console", "--no-browser", "--port", "0"]
        process = subprocess.Popen(arguments, stdout=printed, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + LIMIT_S
            while not (found := re.search(r"http://\S+/open\?token=\S+", Path(printed.name).read_text())):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"the console did not start: {Path(printed.name).read_text()}")
                time.sleep(0.1)
            yield found[0]
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def _browser(link: str) -> Iterator[Page]:
    program = shutil.which("chromium") or sys.exit("there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(base_url=link.partition("/open")[0])
        page.set_default_timeout(LIMIT_S * 1000)
        page.goto(link)
        page.wait_for_url(re.compile(r"/$"))
        yield page
        browser.close()


def _page_times(page: Page, rounds: int, *more: str) -> dict[str, list[float]]:
    """Path -> seconds to the load event; the first round only warms up."""
    taken: dict[str, list[float]] = {path: [] for path in ("/", "/runs", "/drop", f"/runs/{0:032x}", *more)}
    for number in range(-1, rounds):
        for path, times in taken.items():
            took_s = _load_s(page, path)
            if number >= 0:
                times.append(took_s)
    return taken


def _load_s(page: Page, path: str) -> float:
    """Seconds from the start of a navigation to the load event."""
    page.goto(path, wait_until="load")
    took_ms: float = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventStart")
    return took_ms / 1000


def _filter_times(page: Page, rounds: int) -> list[float]:
    """Seconds to the chosen findings; each round another text."""
    page.goto("/audit", wait_until="load")
    found = page.locator("#findings p").first
    taken = []
    for number in range(rounds):
        taken.append(page.evaluate(_FILTER, f"team-{number + 10}/") / 1000)
        if not re.match(rf"5[12] of {MANY_FINDINGS} ", found.inner_text()):
            sys.exit(f"the filter shows something else: {found.inner_text()}")
    return taken


def _live_delays(page: Page, deployment: Deployment) -> dict[str, float]:
    """State -> seconds from its beginning in the execution's history to its box in the page.

    Of a step's first working state, where the step took so long that it was seen at work.
    """
    photos = prepare_photos("food", DEMO_GROUPS)
    dataset = read_dataset(photos.zip_file, "food")
    drop = upload_drop(deployment, dataset, sent=lambda count: None, say=lambda line: None)
    item = wait_for_drop(deployment, drop.key, drop.version_id)
    page.goto(f"/runs/{item.run.run_id}")
    page.evaluate(_RECORD)
    opened_ms = page.evaluate("Date.now()")
    page.locator(".status:not(.running)").first.wait_for(timeout=RUN_LIMIT_S * 1000)
    seen = page.evaluate("window.seen")
    entered = {
        step.state: step.at.timestamp() * 1000
        for step in ExecutionFollower(deployment, item.execution_arn).read_new()
        if step.event == "entered"
    }
    return {
        state: round((seen[f"{state}:running"] - began_ms) / 1000, 3)
        for state, began_ms in entered.items()
        if f"{state}:running" in seen and began_ms > opened_ms
    }


if __name__ == "__main__":
    main()
