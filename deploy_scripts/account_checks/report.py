"""The report of a verification: one file for a program, one for a person."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy_scripts.account_checks.confirmation import Outcome
from deploy_scripts.account_checks.trial import Trial
from drops.text import printable

_MARKS = {"ok": "ok", "failed": "**FAILED**", "not run": "not run"}


def document(trial: Trial, outcomes: Sequence[Outcome], estimated_usd: float) -> dict[str, Any]:
    """What `verify --json` prints and verify.json holds; `left` is null where it could not be told."""
    return {
        "target": trial.aws.target.name,
        "region": trial.aws.region,
        "stack": trial.aws.stack,
        "estimated_usd": round(estimated_usd, 2),
        "confirmations": [each.to_json() for each in outcomes],
        "left": trial.left,
    }


def save_report(found: dict[str, Any], folder: Path) -> Path:
    """verify.json, and verify.md beside it, whose path is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verify.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    page = folder / "verify.md"
    page.write_text(markdown(found), encoding="utf-8")
    return page


def markdown(found: dict[str, Any]) -> str:
    """What AWS says is a stranger's text: it stays within its cell."""
    where = "the local cloud" if found["target"] == "local" else f"AWS, {found['region']}"
    lines = [
        f"# Verification on {where}",
        "",
        f"Deployment `{found['stack']}`; estimated before it began: at most ${found['estimated_usd']:.2f}.",
        "",
        "| confirmation | what it confirms | outcome | what was seen | seconds | not confirmed here |",
        "|---|---|---|---|---|---|",
    ]
    for each in found["confirmations"]:
        cells = (each["name"], each["confirms"], _MARKS[each["status"]], each["told"], each["seconds"])
        lines.append("| " + " | ".join(_cell(text) for text in (*cells, each["open"])) + " |")
    left = found["left"]
    ending = "not known" if left is None else ", ".join(map(_cell, left)) or "nothing"
    return "\n".join([*lines, "", f"Left in the account: {ending}.", ""])


def _cell(value: Any) -> str:
    text = printable(str(value))
    for character, escaped in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("[", "\\["), ("`", "\\`")):
        text = text.replace(character, escaped)
    return text
