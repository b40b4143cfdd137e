"""The acceptance sample: which photos, in which bytes, and the graph's own answer for them."""

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops
from PIL import Image

from training.data.dataset import Photo
from training.data.preprocessing import Preprocessing
from training.evaluation import acceptance_sample
from training.evaluation.acceptance_sample import (
    MAX_PHOTOS,
    as_jpeg,
    spread_over_classes,
    take_sample,
)
from training.export.graph import Graph
from training.export.served_model import Description, ServedModel, UnknownRule

SCHEMA = json.loads((Path(__file__).parents[4] / "schemas" / "acceptance.schema.json").read_text())
RUN_ID = "a" * 32
SIDE = 32
CLASSES = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def model() -> ServedModel:
    """A graph that answers the colour of which a photo has most."""
    pixels = ops.parameter([-1, SIDE, SIDE, 3], np.uint8)
    mean = ops.reduce_mean(ops.convert(pixels, np.float32), [1, 2])
    graph = Graph(ov.Model([ops.multiply(mean, np.float32(0.05))], [pixels]), threads=1)
    preprocessing = Preprocessing(SIDE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
    description = Description("made", preprocessing, "int8", "x86_64", temperature=2.0)
    return ServedModel(graph, CLASSES, description)


class Photos:
    """A source whose photos are noise over their class's colour, in the given format and size."""

    def __init__(self, size: tuple[int, int] = (40, 30), file_format: str = "JPEG") -> None:
        self._size, self._format = size, file_format

    def read(self, name: str) -> bytes:
        label, number = name.split("/")
        width, height = self._size
        pixels = np.random.default_rng(int(number)).integers(0, 120, (height, width, 3), dtype=np.uint8)
        pixels[:, :, CLASSES.index(label)] += 100
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, self._format)
        return buffer.getvalue()


def photos(*counts: int) -> list[Photo]:
    """So many of each class, in the order of a split; the hashes are in no order of theirs."""
    return [
        Photo(f"{CLASSES[label % 3]}/{number}", label, f"{(number * 7919 + label * 104729) % 99991:064x}")
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def test_the_sample_holds_the_graphs_answer_for_the_very_bytes(model: ServedModel, tmp_path: Path) -> None:
    taken = take_sample(model, photos(2, 2, 2), Photos(), RUN_ID)
    taken.write(tmp_path)
    document = json.loads((tmp_path / "acceptance.json").read_text())
    jsonschema.validate(document, SCHEMA)
    assert (document["run_id"], document["precision"], document["architecture"]) == (RUN_ID, "int8", "x86_64")
    assert len(document["photos"]) == 6
    for photo in document["photos"]:
        jpeg = (tmp_path / photo["file"]).read_bytes()
        assert jpeg == Photos().read(photo["photo"])
        scores = model.scores([model.description.preprocessing.decode(jpeg)])
        likely = dict(zip(CLASSES, model.probabilities(scores)[0].tolist(), strict=True))
        found = {each["label"]: each["probability"] for each in photo["predictions"]}
        assert found == pytest.approx(likely, abs=1e-6)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert photo["label"] == photo["predictions"][0]["label"] == photo["photo"].split("/")[0]


def test_the_same_test_photos_give_the_same_sample(model: ServedModel) -> None:
    given = photos(30, 30, 30)
    first, second = (take_sample(model, each, Photos(), RUN_ID) for each in (given, given[::-1]))
    assert first == second
    assert len(first.jpegs) == MAX_PHOTOS


@pytest.mark.parametrize(
    ("counts", "taken"),
    [((1, 500, 1), {0: 1, 1: 62, 2: 1}), ((100, 100, 2), {0: 31, 1: 31, 2: 2}), ((5, 0, 3), {0: 5, 2: 3})],
)
def test_every_class_has_its_turn_before_any_has_two(counts: Any, taken: dict[int, int]) -> None:
    given = photos(*counts)
    assert Counter(photo.label for photo in spread_over_classes(given)[:MAX_PHOTOS]) == taken
    assert sorted(spread_over_classes(given), key=given.index) == given


def test_of_more_classes_than_photos_some_are_taken_from_the_whole_list() -> None:
    labels = [photo.label for photo in spread_over_classes(photos(*[3] * 500))[:MAX_PHOTOS]]
    assert len(set(labels)) == MAX_PHOTOS
    assert min(labels) < 100
    assert max(labels) > 400


@pytest.mark.parametrize(
    ("size", "file_format"), [((40, 30), "PNG"), ((1500, 20), "JPEG"), ((1200, 1100), "JPEG")]
)
def test_other_photos_become_jpegs_that_are_sent_on_as_they_are(
    size: tuple[int, int], file_format: str
) -> None:
    jpeg = as_jpeg(Photos(size, file_format).read("red/1"))
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= 1000
        assert min(image.size) > 0
    assert len(jpeg) <= 1_000_000


def test_the_inference_function_sends_each_of_them_on_unchanged() -> None:
    """Else the endpoint would get other bytes than the graph did."""
    from functions.inference.images import prepare_image

    noise = np.random.default_rng(1).integers(0, 256, (1400, 1400, 3), dtype=np.uint8)
    for image in (Image.fromarray(noise), Image.fromarray(noise[:1000, :1000]), Image.fromarray(noise[:3])):
        for options in ({"quality": 100}, {"quality": 40, "progressive": True}):
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", **options)
            jpeg = as_jpeg(buffer.getvalue())
            assert prepare_image(jpeg, max_pixels=40_000_000).body == jpeg


def test_the_whole_sample_is_bounded_and_still_covers_the_classes(
    model: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    size_bytes = max(len(Photos().read(f"{label}/{number}")) for label in CLASSES for number in range(9))
    monkeypatch.setattr(acceptance_sample, "_MAX_TOTAL_BYTES", 5 * size_bytes)
    taken = take_sample(model, photos(9, 9, 9), Photos(), RUN_ID)
    assert 3 <= len(taken.jpegs) < 9
    assert sum(map(len, taken.jpegs.values())) <= 5 * size_bytes
    assert {photo["label"] for photo in taken.document["photos"]} == set(CLASSES)


def test_the_sample_holds_how_unlike_the_training_a_photo_is(model: ServedModel) -> None:
    """As the second output of the graph says it; here the sum of the scores."""
    pixels = ops.parameter([-1, SIDE, SIDE, 3], np.uint8)
    scores = ops.multiply(ops.reduce_mean(ops.convert(pixels, np.float32), [1, 2]), np.float32(0.05))
    graph = Graph(ov.Model([scores, ops.reduce_sum(scores, [1])], [pixels]), threads=1)
    rule = UnknownRule(threshold=2.5, false_alarm_rate=0.05)
    telling = replace(model, graph=graph, description=replace(model.description, unknown=rule))

    document = take_sample(telling, photos(2, 2, 2), Photos(), RUN_ID).document

    jsonschema.validate(document, SCHEMA)
    assert document["unknown_threshold"] == 2.5
    for photo in document["photos"]:
        pixels = model.description.preprocessing.decode(Photos().read(photo["photo"]))
        assert photo["unknown_score"] == pytest.approx(float(model.scores([pixels]).sum()), abs=1e-3)
    assert "unknown_threshold" not in take_sample(model, photos(2, 2, 2), Photos(), RUN_ID).document
