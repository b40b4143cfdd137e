"""What came of `make faults`, in benchmarks/results/faults.json and in docs/faults.md, which quotes it.

Outcomes are kept as they come: a session that is interrupted is gone on with by the next one, which leaves
out the cases that have ended as they have to, as long as nothing has changed of what they run.
"""

import hashlib
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.support.machine import describe_machine
from benchmarks.support.marked_block import write_block
from benchmarks.support.results import RESULTS
from deploy_scripts.project import ROOT

FILE = RESULTS / "faults.json"
PAGE = ROOT / "docs" / "faults.md"
# The property of a test that tells an outcome.
PROPERTY = "faults"
KEPT = ROOT / ".dropserve" / "faults.jsonl"
_PRODUCT = (
    "state_machines",
    "functions",
    "training",
    "drops",
    "contracts",
    "schemas",
    "local_cloud",
    "deploy_scripts",
)
# A part of the file each; `cases` and `guards` have many outcomes, each of which says how many there are.
Part = str
Outcome = tuple[Part, dict[str, Any]]


@cache
def product() -> str:
    """What the cases run, as one text; "" where something of it is not committed."""
    if _git("status", "--porcelain", "--", *_PRODUCT):
        return ""
    return hashlib.sha256(_git("ls-files", "--stage", "--", *_PRODUCT).encode()).hexdigest()[:16]


@cache
def revision() -> str:
    """The commit; what is not committed is `-dirty`."""
    return _git("describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def keep(outcome: Outcome, file: Path = KEPT) -> None:
    """Write an outcome down as soon as it is there."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps([product(), *outcome]) + "\n")


def kept(file: Path = KEPT) -> list[Outcome]:
    """Of earlier sessions with the same product, committed as it is, what ended as it has to."""
    now = product()
    if not file.exists() or not now:
        return []
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [(part, told) for told_by, part, told in lines if told_by == now and told.get("expected")]


def with_earlier(seen: Sequence[Outcome]) -> list[Outcome]:
    """What this session saw, and what an interrupted one saw of the cases that this one left out."""
    names = {told["name"] for part, told in seen if part == "cases"}
    earlier = [(part, told) for part, told in kept() if part == "cases" and told["name"] not in names]
    return [*{told["name"]: (part, told) for part, told in earlier}.values(), *seen]


def write(outcomes: Sequence[Outcome], file: Path = FILE, page: Path = PAGE) -> None:
    """Write what is complete into the figures and the page; other parts stay as they were."""
    by_part: dict[Part, list[dict[str, Any]]] = {}
    for part, told in outcomes:
        by_part.setdefault(part, []).append(told)
    complete = {part: told for part, told in by_part.items() if len(told) == told[0].get("of", 1)}
    if not complete:
        return
    results = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for part, told_of in complete.items():
        results[part] = {**_measured(), **_SUMMARIES.get(part, _only)(told_of)}
    file.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n", "utf-8")
    write_block(page, "faults", render(results))


def _measured() -> dict[str, Any]:
    return {"machine": describe_machine(), "revision": revision()}


def _only(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return told[0]


def _guards(guards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "guards": len(guards),
        "red": sum(each["red"] for each in guards),
        "taken_out": {each["guard"]: each["case"] for each in guards},
    }


def _cases(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "cases": len(cases),
        "as_expected": sum(each["expected"] for each in cases),
        "leaks": sum(each["leaks"] for each in cases),
        "left_where_removal_was_refused": sum(each["kept"] for each in cases),
        "questions": sum(each["answers"] for each in cases),
        "seconds": round(sum(each["seconds"] for each in cases)),
        "kinds": _counted(cases, "kind"),
        "stages": _counted(cases, "stage"),
        "ends": _counted(cases, "end"),
        "not_as_expected": {each["name"]: each["problems"] for each in cases if not each["expected"]},
    }


_SUMMARIES: dict[Part, Callable[[Sequence[dict[str, Any]]], dict[str, Any]]] = {
    "cases": _cases,
    "guards": _guards,
}


def _counted(cases: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    return dict(sorted(Counter(each[name] for each in cases).items()))


def render(results: Mapping[str, Any]) -> str:
    """Markdown: a sentence a part, and a table of the kinds."""
    lines = [_sentence(part, results[part]) for part in _SENTENCES if part in results]
    if "cases" not in results:
        return "\n".join(lines) + "\n"
    cases = results["cases"]
    lines += ["", "| kind of fault | cases |", "|---|---:|"]
    lines += [f"| {kind} | {count} |" for kind, count in cases["kinds"].items()]
    if cases["not_as_expected"]:
        lines += ["", f"Not as expected: {', '.join(cases['not_as_expected'])}."]
    return "\n".join(lines) + "\n"


_SENTENCES = {
    "cases": "{as_expected} of {cases} cases ended as they have to, with {leaks} leaks; the client asked "
    "{questions} times",
    "guards": "with one guard taken out of the state machine at a time, {red} of {guards} cases turned red",
    "duplicates": "{events} events of {drops} drops made {trainings} trainings",
    "switching": "{switches} switches and {rollbacks} rollbacks while {clients} clients asked "
    "{questions} times: {failed} requests failed",
    "kill_moments": "the local cloud was killed at {moments} moments of a run: {faults} faults; "
    "{states} states were met, the most that was lost is {lost_s} s, {run_again} failed runs were run again",
}


def _sentence(part: Part, told: Mapping[str, Any]) -> str:
    machine = told["machine"]
    what = _SENTENCES[part].format(**told)
    where = f"revision {told['revision']}, {machine['processor']}, {machine['cores']} cores"
    return f"- {what[0].upper()}{what[1:]} ({where})."
