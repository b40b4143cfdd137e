"""A release that begins to do badly once it is live: the watch sees it by itself, and takes it back.

Real requests leave metrics, on which the template's own alarms go off; nobody sets an alarm's state.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import stage_on
from tests.faults.matrix.asker import Asker
from tests.faults.matrix.deployment import CLASSES
from tests.faults.support.acceptance_sample import put_sample
from tests.faults.support.workflow_stage import SharedFunctions, Stage, only

pytestmark = [pytest.mark.cloud, pytest.mark.extended, pytest.mark.timeout(600)]

# Two of three minutes have to be bad.
BAKE = {"BakeSeconds": "360"}
# How it does badly, and what sees that. Answers that are wrong, and sure of it, no metric shows.
SEEN_BY = {
    "slow": "the alarm {stage}-live-latency went off",
    "failing": "the alarm {stage}-live-failures went off",
    "unsure": "the alarm {stage}-live-low-confidence went off",
    "wrong": "AcceptanceError: the endpoint answers only 0 of 2 test photos as in training",
}


@dataclass
class Watched:
    """A stage whose second release is live, watched, and does badly from now on."""

    stage: Stage
    execution: str
    former: str
    asker: Asker


@pytest.fixture(scope="module")
def watched(
    client: Callable[..., Any], functions: SharedFunctions, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Watched]]:
    """One a kind of trouble, all at once: what takes their time is the alarms' periods."""
    folder = tmp_path_factory.mktemp("trouble")
    with ExitStack() as stack:
        stages = {kind: stack.enter_context(stage_on(client, functions)) for kind in SEEN_BY}
        for kind, stage in stages.items():
            prepare(kind, stage)
        firsts = {kind: stage.start() for kind, stage in stages.items()}
        made = {}
        for kind, stage in stages.items():
            former = stage.ended(firsts[kind]).item["release"]
            asker = Asker(stage)
            stack.callback(asker.stop)
            made[kind] = Watched(stage, start_troubled(kind, stage, folder / kind), former, asker)
        for kind, each in made.items():
            each.stage.until_entered(each.execution, "Wait to watch release")
            assert each.asker.taken()[2] == []
            (folder / kind).touch()
        yield made


def prepare(kind: str, stage: Stage) -> None:
    """What asks and accepts is real; the alarms alone are to see what they are for."""
    stage.use_real("inference", *(["accept_model"] if kind == "wrong" else []))
    stage.change("JudgeModelFunction", acceptance_uri=put_sample(stage, 2))
    classes = CLASSES if kind == "wrong" else ["corgi", *CLASSES]
    stage.let_training_learn(*classes)
    stage.add_live_alarms()


def start_troubled(kind: str, stage: Stage, since: Path) -> str:
    told = stage.answers["PlanTrainingFunction"]["hyperparameters"]
    trouble = json.dumps({"kind": kind, "since": str(since)})
    stage.change("PlanTrainingFunction", hyperparameters={**told, "trouble": trouble})
    return stage.start(**BAKE)


@pytest.mark.parametrize("kind", SEEN_BY)
def test_it_is_taken_back_within_its_bake_time(watched: dict[str, Watched], kind: str) -> None:
    bad = watched[kind]
    stage = bad.stage
    run = stage.ended(bad.execution)
    assert run.item["reason"].startswith(SEEN_BY[kind].format(stage=stage.name))
    assert (run.status, run.item["status"]) == ("FAILED", "rolled_back")
    assert (stage.live()["release"], stage.standing()) == (bad.former, only(bad.former))


@pytest.mark.parametrize("kind", SEEN_BY)
def test_the_one_before_answers_again(watched: dict[str, Watched], kind: str) -> None:
    bad = watched[kind]
    bad.stage.ended(bad.execution)
    bad.asker.taken()
    bad.asker.until_asked(5)
    good, paused, others = bad.asker.taken()
    assert (good >= 5, paused, others) == (True, 0, [])
