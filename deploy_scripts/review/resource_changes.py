"""The changes of a change set: what is added, changed, replaced, removed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_MARKS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "+", "Dynamic": "~"}
# A value that is longer says nothing on a line.
_MAX_VALUE_CHARACTERS = 60


def resource_changes(changes: Iterable[Mapping[str, Any]], *, is_new: bool) -> list[str]:
    """A line a resource; of a new stack a line a type. `changes` are DescribeChangeSet's.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
    """
    found = [each["ResourceChange"] for each in changes if "ResourceChange" in each]
    if is_new:
        counts = Counter((_MARKS[each["Action"]], each["ResourceType"]) for each in found)
        return [f"{mark} {count} x {kind}" for (mark, kind), count in sorted(counts.items())]
    order = {action: index for index, action in enumerate(("Remove", "Modify", "Dynamic", "Add", "Import"))}
    found.sort(key=lambda each: (order[each["Action"]], each["LogicalResourceId"]))
    return [_line(each) for each in found]


def _line(change: Mapping[str, Any]) -> str:
    fate = {"True": ", REPLACED", "Conditional": ", perhaps replaced"}.get(change.get("Replacement", ""), "")
    taken_up = ", taken up as it is" if change["Action"] == "Import" else ""
    kept = ", but kept" if change.get("PolicyAction") == "Retain" and change["Action"] == "Remove" else ""
    details = _details(change["Details"]) if change["Action"] == "Modify" and change.get("Details") else ""
    name = f"{change['LogicalResourceId']} ({change['ResourceType']})"
    return f"{_MARKS[change['Action']]} {name}{fate}{taken_up}{kept}{details}"


def _details(details: Iterable[Mapping[str, Any]]) -> str:
    """The properties that change, with their values where CloudFormation tells them.

    What it finds out as it goes is a reference to another resource that changes, and is mostly as before.
    """
    told = {_detail(each["Target"]) for each in details if each.get("Evaluation") != "Dynamic"}
    return f": {'; '.join(sorted(told))}" if told else ", only if what it refers to becomes another one"


def _detail(target: Mapping[str, Any]) -> str:
    where = target.get("Path", "").removeprefix("/Properties/").replace("/", ".") or target.get("Name")
    where = where or target["Attribute"]
    values = [target.get(name) for name in ("BeforeValue", "AfterValue")]
    if any(value is not None and len(value) <= _MAX_VALUE_CHARACTERS for value in values):
        before, after = (_short(value) for value in values)
        return f"{where} {before} -> {after}"
    return str(where)


def _short(value: str | None) -> str:
    if not value:
        return "(nothing)"
    return value if len(value) <= _MAX_VALUE_CHARACTERS else f"{value[: _MAX_VALUE_CHARACTERS - 1]}…"
