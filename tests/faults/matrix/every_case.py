"""`make faults`: each Task of the rendered state machine, met by each kind of fault that can meet it."""

import time
from typing import Any

import pytest

from state_machines.diagrams import ASIDE, FINISH, STAGES, parts
from tests.faults.matrix.cases import Case, cases, definition
from tests.faults.matrix.results import PROPERTY

pytestmark = pytest.mark.cloud

ALL = cases()
_STAGE_OF = {
    state: title for title, names in parts(definition(), STAGES | ASIDE | FINISH).items() for state in names
}


def test_there_are_as_many_as_promised() -> None:
    assert len(ALL) >= 120


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_case(case: Case, trials: Any, record_property: Any) -> None:
    began = time.monotonic()
    told = {"name": case.name, "kind": case.kind, "stage": _STAGE_OF[case.state], "of": len(ALL)}
    told |= {"expected": False, "end": "", "leaks": 0, "kept": 0, "answers": 0, "seconds": 0.0}
    try:
        outcome = trials.run(case)
        kept = len(outcome.kept)
        told |= {"end": outcome.end or "no run", "leaks": len(outcome.leaks) - kept, "kept": kept}
        told |= {"answers": outcome.answers, "expected": not outcome.problems}
    finally:
        record_property(PROPERTY, ("cases", {**told, "seconds": time.monotonic() - began}))
    assert outcome.problems == []
