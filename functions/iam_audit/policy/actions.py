"""The actions of AWS that the checks ask for, and which of them a pattern such as `s3:Put*` names."""

from functools import cache
from pathlib import Path

from functions.iam_audit.escalation_paths import ESCALATION_PATHS, PASS_ROLE
from functions.iam_audit.policy.patterns import is_everything, matches
from functions.iam_audit.policy.risky_actions import CREDENTIAL_ACTIONS, DATA_ACTIONS

# Levels as AWS's Service Authorization Reference has them; `aws_actions.txt` says which actions can be
# granted on named resources.
WRITE, TAGGING, PERMISSIONS = "write", "tagging", "permissions"

_FILE = Path(__file__).with_name("aws_actions.txt")

_SENSITIVE = (
    *(action for path in ESCALATION_PATHS for action in path.actions),
    *DATA_ACTIONS,
    *CREDENTIAL_ACTIONS,
    PASS_ROLE,
    "sts:AssumeRole",
)
_SPELLED = {action.lower(): action for action in _SENSITIVE}


@cache
def _sensitive() -> dict[str, frozenset[str]]:
    """Service prefix -> its actions, all in lower case, that some check names."""
    by_service: dict[str, set[str]] = {}
    for action in _SPELLED:
        by_service.setdefault(action.partition(":")[0], set()).add(action)
    return {service: frozenset(actions) for service, actions in by_service.items()}


@cache
def sensitive_actions(pattern: str) -> frozenset[str]:
    """Which of the actions that checks ask for by name the pattern names; lower case."""
    return _named_by(pattern.lower(), _sensitive())


@cache
def narrowable_actions(pattern: str, level: str) -> frozenset[str]:
    """Which actions of a level the pattern names, of those that named resources narrow; lower case."""
    return _named_by(pattern.lower(), _narrowable()[level])


def spelled(action: str) -> str:
    """A sensitive action as AWS writes it."""
    return _SPELLED[action]


@cache
def _narrowable() -> dict[str, dict[str, frozenset[str]]]:
    """Level -> service prefix -> actions in lower case."""
    levels: dict[str, dict[str, frozenset[str]]] = {WRITE: {}, TAGGING: {}, PERMISSIONS: {}}
    for line in _FILE.read_text(encoding="utf-8").lower().splitlines():
        if not line.startswith("#"):
            service, level, names = line.split(" ", 2)
            levels[level][service] = frozenset(f"{service}:{name}" for name in names.split())
    return levels


def _named_by(pattern: str, by_service: dict[str, frozenset[str]]) -> frozenset[str]:
    if is_everything(pattern):
        return frozenset().union(*by_service.values())
    service, _, name = pattern.partition(":")
    if "*" in service or "?" in service:
        candidates = frozenset().union(*by_service.values())
    else:
        candidates = by_service.get(service, frozenset())
    if is_everything(name) and candidates is by_service.get(service):
        return candidates
    if "*" not in pattern and "?" not in pattern:
        return frozenset((pattern,)) if pattern in candidates else frozenset()
    return frozenset(action for action in candidates if matches(pattern, action))
