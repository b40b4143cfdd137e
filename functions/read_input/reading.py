"""What an execution's input says, checked field by field; everything that leaves here is small and printable.

The workflow starts with it because its own language cannot measure a text, and ends without a trace where an
intrinsic function meets a value of another type.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from contracts.bucket import RUN_ID
from contracts.workflow import ACTIONS, DROP_FIELDS, OVERRIDES, ROLLBACK
from drops.keys import MAX_KEY_BYTES
from drops.text import is_unsafe, printable
from functions.common.errors import DropserveError, bounded_reason
from functions.read_input.ended_execution import is_end_of_execution, read_ended_execution

START = 'start me with {"key": "drops/<dataset>.zip"}'
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
MAX_VERSION_ID_BYTES = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
# As long as the name of an execution, which it is for a manual run.
MAX_TOKEN_BYTES = 80
# S3 writes 18 digits; two of one key are compared once the shorter is padded with zeros on the left:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
SEQUENCER_DIGITS = 32
# All the overrides that there are take less than a third of it.
MAX_OVERRIDES_BYTES = 4000
SOURCES = ("manual", "drop")
# Who pauses a deployment that nobody asks any more.
IDLE = "idle"

# What names a run in the ledger, also when the input is refused.
_READ_FIRST = ("key", "source")
_SHOWN_CHARACTERS = 100
_SHOWN_NAMES = 5


class BadInputError(DropserveError):
    """The input cannot be followed; the message says which field, why, and what to give."""


class _Field(NamedTuple):
    check: Callable[[str], str]
    what: str


def read_input(given: Any) -> dict[str, Any]:
    """The run that an input asks for; of the event of an ended execution that run, and `ended_execution`.

    Where that one cleaned up itself, the run is the one that it cleaned up after.
    """
    if is_end_of_execution(given):
        own_input, ended = read_ended_execution(given)
        if is_end_of_execution(own_input):
            return read_input(own_input)
        return {**_read_own_input(own_input), "ended_execution": ended}
    return _read_own_input(given)


def _read_own_input(given: Any) -> dict[str, Any]:
    """accepted, reason, run, overrides; and `action` of an input that asks for a pause or a resume.

    `run` has source, key, version_id, sequencer (padded, "" when there is none), event_time, and, where the
    input gives them, bucket and idempotency_token. A bad input is a result (`accepted` false and one sentence
    as `reason`), not an exception; its `run` has what could be read of it, as a name for the ledger.
    """
    fields = given if isinstance(given, Mapping) else {}
    if "action" in fields:
        return _read_action(fields)
    run = {"source": "manual", "key": _shown_key(fields.get("key")), "version_id": ""}
    run |= {"sequencer": "", "event_time": ""}
    try:
        if not isinstance(given, Mapping):
            raise BadInputError(f"the input is {_kind(given)}, not an object: {START}")
        _check_names(given)
        if "key" not in given:
            raise BadInputError(f"the input has no key: {START}; bucket, version_id and overrides may follow")
        # In two steps: what is sound stays in the ledger, also when a later field is not.
        for name in sorted(DROP_FIELDS, key=lambda each: each not in _READ_FIRST):
            if name in given:
                run[name] = _text(name, given[name])
        overrides = {name: given[name] for name in OVERRIDES if name in given}
        _check_size(overrides)
    except BadInputError as bad:
        return {"accepted": False, "reason": bounded_reason(bad), "run": run, "overrides": {}}
    except RecursionError:
        reason = f"the input is nested too deeply to be read: {START}"
        return {"accepted": False, "reason": reason, "run": run, "overrides": {}}
    return {"accepted": True, "reason": "", "run": run, "overrides": overrides}


def _read_action(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same of an input without a drop; the ledger has the action as the run's source.

    A rollback brings `to`, the id of the run that is to be live again.
    """
    action, source, to = given["action"], given.get("source"), given.get("to")
    run = {"source": "manual", "key": "", "version_id": "", "sequencer": "", "event_time": ""}
    # Lists: what comes in may be no key of a set.
    known = action in ACTIONS and source in (None, IDLE)
    names_run = isinstance(to, str) and re.fullmatch(RUN_ID, to) is not None
    told = names_run if action == ROLLBACK else "to" not in given
    if not known or not told or not given.keys() <= {"action", "source", "to"}:
        reason = (
            f"an action is {' or '.join(ACTIONS)}, and nothing is given with it but, for a rollback, "
            f'"to": the id of a run; this is {_shown(dict(given))}'
        )
        return {"accepted": False, "reason": bounded_reason(reason), "run": run, "overrides": {}}
    run["source"] = source or action
    accepted = {"accepted": True, "reason": "", "run": run, "overrides": {}, "action": action}
    return {**accepted, "to": to} if to else accepted


def _check_names(given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in DROP_FIELDS and name not in OVERRIDES]
    if unknown:
        shown = ", ".join(_shown(name) for name in unknown[:_SHOWN_NAMES])
        more = f" and {len(unknown) - _SHOWN_NAMES} more" if len(unknown) > _SHOWN_NAMES else ""
        raise BadInputError(
            f"the input has fields that are not known: {shown}{more}; it may have "
            f"key, bucket, version_id, {', '.join(OVERRIDES)}"
        )


def _check_size(overrides: Mapping[str, Any]) -> None:
    size_bytes = len(json.dumps(overrides))
    if size_bytes > MAX_OVERRIDES_BYTES:
        raise BadInputError(
            f"the overrides are {size_bytes:,} bytes of JSON, and at most {MAX_OVERRIDES_BYTES:,} are taken: "
            "leave out what is not needed"
        )


def _text(name: str, value: Any) -> str:
    """The value of one field of DROP_FIELDS. Raises BadInputError."""
    field = _FIELDS[name]
    if not isinstance(value, str):
        leave_out = "" if name == "key" else f", or leave {name} out"
        raise BadInputError(f"{name} is {_kind(value)}: give {field.what}, as a text{leave_out}")
    unsafe = next((character for character in value if is_unsafe(character)), None)
    if unsafe is not None:
        raise BadInputError(
            f"{name} holds the character {printable(unsafe)}, which cannot be shown: {_shown(value)}; "
            f"give {field.what} without it"
        )
    try:
        return field.check(value)
    except ValueError as fault:
        raise BadInputError(f"{name} {fault}; give {field.what}") from fault


def _at_most(limit_bytes: int, *, may_be_empty: bool = True) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not value and not may_be_empty:
            raise ValueError("is empty")
        size_bytes = len(value.encode())
        if size_bytes > limit_bytes:
            raise ValueError(f"is {size_bytes:,} bytes long, and S3 has at most {limit_bytes:,}")
        return value

    return check


def _source(value: str) -> str:
    if value not in SOURCES:
        raise ValueError(f"is {_shown(value)}")
    return value


def _bucket(value: str) -> str:
    if not re.fullmatch(BUCKET, value):
        raise ValueError(f"is {_shown(value)}, which is no name of a bucket")
    return value


def _sequencer(value: str) -> str:
    if not re.fullmatch(rf"[0-9A-Fa-f]{{0,{SEQUENCER_DIGITS}}}", value):
        raise ValueError(f"is {_shown(value)}, which is no hexadecimal number")
    return value.upper().zfill(SEQUENCER_DIGITS) if value else ""


def _event_time(value: str) -> str:
    if value:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ValueError(f"is {_shown(value)}, which is no moment such as 2026-11-22T08:30:00Z")
    return value


_FIELDS = {
    "key": _Field(_at_most(MAX_KEY_BYTES, may_be_empty=False), "the key of a drop (drops/<dataset>.zip)"),
    "bucket": _Field(_bucket, "the name of the deployment's bucket"),
    "version_id": _Field(_at_most(MAX_VERSION_ID_BYTES), "the id of a version of the key"),
    "source": _Field(_source, " or ".join(SOURCES)),
    "idempotency_token": _Field(
        _at_most(MAX_TOKEN_BYTES, may_be_empty=False), "a short text, which tells this run from others"
    ),
    "sequencer": _Field(_sequencer, "the sequencer of S3's event"),
    "event_time": _Field(_event_time, "the time of S3's event"),
}


def _kind(value: Any) -> str:
    """The value's type as JSON has it, and the value, cut short."""
    if value is None:
        return "null"
    names = ((bool, "a boolean"), ((int, float), "a number"), (str, "a text"), (list, "a list"))
    kind = next((name for types, name in names if isinstance(value, types)), "an object")
    return f"{kind} ({_shown(value)})"


def _shown(value: Any) -> str:
    """The value as JSON, on one line and cut short."""
    try:
        return printable(json.dumps(value, ensure_ascii=False), _SHOWN_CHARACTERS)
    except RecursionError:
        return "…"


def _shown_key(value: Any) -> str:
    """A key for the ledger before it is known to be sound: a text as it is, anything else as JSON."""
    if value is None:
        return ""
    return printable(value, _SHOWN_CHARACTERS) if isinstance(value, str) else _shown(value)
