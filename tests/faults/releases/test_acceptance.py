"""Before the switch the candidate must answer test photos as training's graph did; else nothing changes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.faults.support.acceptance_sample import PHOTO, put_sample

pytestmark = pytest.mark.cloud

PHOTOS = 5


@pytest.fixture
def tried(stage: Any) -> Any:
    """The stage with the real acceptance test and the real inference function; training says `poodle`."""
    stage.use_real("inference", "accept_model")
    stage.change("JudgeModelFunction", acceptance_uri=put_sample(stage, PHOTOS))
    return stage


@contextmanager
def asked_all_the_time(stage: Any) -> Iterator[list[Any]]:
    """What the live model answers for a photo, again and again until the block ends."""
    answers: list[Any] = []
    over = threading.Event()
    question = json.dumps({"s3_uri": f"s3://{stage.name}/{PHOTO}", "top_k": 1})

    def ask() -> None:
        functions = stage.client("lambda")
        while not over.is_set():
            reply = functions.invoke(FunctionName=f"{stage.inference}:live", Payload=question)
            answers.append(json.loads(reply["Payload"].read()))
            over.wait(0.05)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield answers
    finally:
        over.set()
        asker.join()


def test_another_model_on_the_endpoint_is_not_released_and_the_live_one_answers_on(tried: Any) -> None:
    tried.let_training_learn("beagle", "poodle")
    first = tried.run()
    assert first.item["status"] == "live"
    assert first.item["reason"] == (
        "better; the endpoint answers 5 of 5 test photos as in training "
        "(largest difference of a probability 0.0000)"
    )

    tried.let_training_learn("poodle", "beagle")
    queue = tried.subscribed_queue()
    with asked_all_the_time(tried) as answers:
        second = tried.run()
    assert second.item["status"] == "failed"
    assert second.item["reason"].startswith(
        "AcceptanceError: the endpoint answers only 0 of 5 test photos as in training "
        "(largest difference of a probability 1.0000); otherwise: poodle/00.jpg "
        "('beagle' 1.000 instead of 'poodle' 1.000), "
    )
    assert second.item["reason"] in tried.notification(queue)[1]
    assert "Switch live endpoint" not in second.states
    live = first.item["release"]
    assert tried.live()["release"] == live
    assert tried.standing() == {kind: [live] for kind in tried.standing()}
    assert tried.item("deploy-lock")["holder"] == "nobody"

    assert len(answers) > 1
    assert {answer["statusCode"] for answer in answers} == {200}
    bodies = [json.loads(answer["body"]) for answer in answers]
    assert {(body["predictions"][0]["label"], body["model"]["release"]) for body in bodies} == {
        ("poodle", live)
    }
