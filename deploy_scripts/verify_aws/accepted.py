"""What a program finds and this project keeps all the same, each with its reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("accepted_findings.yaml")


@dataclass(frozen=True)
class Finding:
    """`rule` as the program names it, `where` (a resource, a role, a state), and the program's sentence."""

    rule: str
    where: str
    sentence: str


@dataclass(frozen=True)
class Accepted:
    """`where` are patterns of fnmatch."""

    rule: str
    where: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> bool:
        return self.rule == finding.rule and any(fnmatchcase(finding.where, each) for each in self.where)


def read_accepted(program: str, file: Path = _FILE) -> list[Accepted]:
    """The entries of one program."""
    entries = yaml.safe_load(file.read_text("utf-8")).get(program, [])
    return [
        Accepted(entry["rule"], tuple(entry["where"]), " ".join(entry["reason"].split())) for entry in entries
    ]


def sift(findings: Iterable[Finding], accepted: Sequence[Accepted]) -> tuple[int, tuple[str, ...]]:
    """How many findings are accepted, and a sentence for each that is not, and for each needless entry."""
    found = list(findings)
    covered = [each for each in found if any(entry.covers(each) for entry in accepted)]
    problems = [f"{each.rule} {each.where}: {each.sentence}" for each in found if each not in covered]
    problems += [
        f"accepted_findings.yaml accepts {entry.rule} of {pattern}, which is not found any more"
        for entry in accepted
        for pattern in entry.where
        if not any(Accepted(entry.rule, (pattern,), "").covers(each) for each in found)
    ]
    return len(covered), tuple(problems)
