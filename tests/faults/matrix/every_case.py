"""`make faults`: each Task of the rendered state machine, met by each kind of fault that can meet it.

Where the cases of a group do not end as they have to together, each is run by itself.
"""

import time
from typing import Any

import pytest

from state_machines.diagrams import ASIDE, FINISH, STAGES, parts
from tests.faults.matrix.cases.case import Case, definition
from tests.faults.matrix.cases.listing import cases, groups, together
from tests.faults.matrix.results import PROPERTY

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

ALL = cases()
_STAGE_OF = {
    state: title for title, names in parts(definition(), STAGES | ASIDE | FINISH).items() for state in names
}


def test_there_are_as_many_as_promised() -> None:
    assert len(ALL) >= 120


@pytest.mark.parametrize("group", groups(), ids=lambda group: together(group).name)
def test_case(group: list[Case], trials: Any, record_property: Any) -> None:
    tell = Teller(record_property)
    if len(group) > 1 and not tell.run(together(group), group, trials):
        return
    problems = {case.name: tell.run(case, [case], trials) for case in group}
    assert {name: found for name, found in problems.items() if found} == {}


class Teller:
    """Tells the results what came of each case."""

    def __init__(self, record_property: Any) -> None:
        self._record = record_property

    def run(self, case: Case, of: list[Case], trials: Any) -> list[str]:
        """The problems of a case, which stands for those it is `of`; told unless several have any."""
        began = time.monotonic()
        told = {"expected": False, "end": "", "leaks": 0, "kept": 0, "answers": 0}
        problems = ["it was interrupted"]
        try:
            outcome = trials.run(case)
            kept, problems = len(outcome.kept), outcome.problems
            told |= {"end": outcome.end or "no run", "leaks": len(outcome.leaks) - kept, "kept": kept}
            told |= {"answers": outcome.answers, "expected": not problems}
        finally:
            told["problems"] = problems
            if len(of) == 1 or not problems:
                self._tell(of, told, seconds=time.monotonic() - began)
        return problems

    def _tell(self, of: list[Case], told: dict[str, Any], *, seconds: float) -> None:
        for number, each in enumerate(of):
            own = {"name": each.name, "kind": each.kind, "stage": _STAGE_OF[each.state], "of": len(ALL)}
            # What a group took, and how often it was asked meanwhile, counts once.
            once = {"seconds": 0.0 if number else seconds, "answers": 0 if number else told["answers"]}
            self._record(PROPERTY, ("cases", {**told, **own, **once}))
