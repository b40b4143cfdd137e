"""The pictures of the workflow: no state, way or ending is left out, and each ending has its own outcome."""

import re
from typing import Any

from state_machines.diagrams import FINISH, STAGES, STEPS, graphs, overview, parts, transitions
from state_machines.training_pipeline import training_pipeline

DEFINITION = training_pipeline()
STATES: dict[str, Any] = DEFINITION["States"]
OVERVIEW, GRAPHS = overview(DEFINITION), graphs(DEFINITION)
BOX = re.compile(r'^  s\d+[\[({]+"(.*?)"', re.MULTILINE)


def endings_of(title: str) -> set[str]:
    """The outcomes that the overview draws at a box."""
    (box,) = re.findall(rf'(step\d+)\["{title}"\]', OVERVIEW)
    return set(re.findall(rf'{box} --> \w+\(\["(.*?)"\]\)', OVERVIEW))


def test_every_state_is_drawn_once() -> None:
    assert sorted(BOX.findall(GRAPHS)) == sorted(STATES)


def test_every_way_is_drawn() -> None:
    ways = [way for state in STATES.values() for way in transitions(state)]
    assert len(re.findall(r"-->|-\.->", GRAPHS)) == len(ways)
    assert GRAPHS.count("-.->") == sum(len(state.get("Catch", [])) for state in STATES.values())


def test_the_parts_begin_at_states_and_share_none() -> None:
    for firsts in (STEPS | FINISH, STAGES | FINISH):
        assert firsts.keys() <= STATES.keys()
        names = [name for part in parts(DEFINITION, firsts).values() for name in part]
        assert sorted(names) == sorted(STATES)


def test_the_overview_is_its_boxes_in_the_order_of_a_run() -> None:
    assert re.findall(r'step\d+\["(.*?)"\]', OVERVIEW) == list(STEPS.values())
    for number in range(len(STEPS) - 1):
        assert f"  step{number} --> step{number + 1}\n" in OVERVIEW


def test_each_ending_of_the_overview_has_its_own_outcome() -> None:
    assert endings_of("Claim drop") == {"duplicate", "rejected", "superseded"}
    assert endings_of("Inspect dataset") == endings_of("Plan training") == {"rejected"}
    assert endings_of("Train on SageMaker or EC2") == {"superseded"}
    assert endings_of("Judge model") == {"champion_kept", "rejected"}
    assert endings_of("Acquire deploy lock") == {"superseded"}
    assert endings_of("Create endpoint") == endings_of("Set scaling and concurrency") == set()
    assert endings_of("Audit IAM") == {"blocked"}
    assert endings_of("Accept model") == {"superseded"}
    assert endings_of("Watch canary") == endings_of("Watch release") == {"rolled_back"}
    assert endings_of("Tear down previous release") == {"live"}


def test_every_outcome_of_the_definition_is_in_the_overview() -> None:
    ways = [way for state in STATES.values() for way in transitions(state) if way.outcome]
    # No drop ends so.
    outcomes = {status for way in ways for status in str(way.outcome).split(" or ")}
    drawn = set(re.findall(r'\(\["(.*?)"\]\):::ending', OVERVIEW))
    assert drawn == outcomes - {"paused", "resumed", "restored"} | {"duplicate"}
