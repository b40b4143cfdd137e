"""The heat map of a class is what its score comes from, and a network without one says so."""

import base64
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.float_tolerance import near_scores
from tests.unit.training.made_photos import make_jpeg
from training.export.export import export_network
from training.export.graph import Graph
from training.export.heat_map import Explainer, HeatMap, NoHeatMapError, class_map_graph
from training.models.backbones import BACKBONES, build_classifier
from training.serving.explanations import explanation_of


def test_the_score_is_the_mean_of_the_map_and_the_bias() -> None:
    name = "resnet18"
    torch.manual_seed(0)
    network, preprocessing = build_classifier(name, 4), BACKBONES[name].preprocessing(64)
    bias = network.fc.bias.detach().numpy()  # type: ignore[union-attr]
    served = Graph(export_network(network, preprocessing), 1)
    photos = [preprocessing.decode(make_jpeg(label, 1)) for label in ("amber", "blue")]

    scores, maps = Graph(class_map_graph(served.model), 1).run_all(photos)

    assert maps.shape[:2] == (2, 4)
    for row, those in zip((maps.mean((2, 3)) + bias).tolist(), served.run(photos).tolist(), strict=True):
        assert row == near_scores(those)
    found = Explainer(served).explain(photos[0])
    assert found.label == int(scores[0].argmax())
    assert found.places == pytest.approx(maps[0, found.label], abs=1e-4)


def test_a_network_whose_head_stands_on_something_else_is_refused() -> None:
    name = "mobilenet_v3_large"
    served = Graph(export_network(build_classifier(name, 3), BACKBONES[name].preprocessing(64)), 1)
    with pytest.raises(NoHeatMapError, match="no exact heat map"):
        Explainer(served).explain(np.zeros((64, 64, 3), np.uint8))


def test_it_is_laid_over_the_photo_where_the_score_comes_from() -> None:
    heat = HeatMap(0, np.array([[0, 0], [0, 5]], np.float32))
    photo = Image.new("RGB", (800, 400), (20, 20, 200))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG")
    picture = Image.open(io.BytesIO(heat.over(buffer.getvalue()))).convert("RGB")
    assert picture.size == (320, 160)
    cold, warm = picture.getpixel((10, 10)), picture.getpixel((310, 150))
    assert cold[2] > 180 and cold[0] < 60  # type: ignore[index]
    assert warm[0] > 120 and warm[2] < 120  # type: ignore[index]


def test_an_answer_has_the_map_of_the_likeliest_class_as_png() -> None:
    heat, photo = HeatMap(1, np.ones((2, 2), np.float32)), make_jpeg("green", 1)
    explainer = SimpleNamespace(explain=lambda _pixels: heat)
    model: Any = SimpleNamespace(explainer=explainer, classes=["one", "other"])
    told = explanation_of(photo, np.zeros((64, 64, 3), np.uint8), model)["explanation"]
    assert told["label"] == "other"
    assert base64.b64decode(told["png"]) == heat.over(photo)


def test_a_map_that_speaks_against_the_class_leaves_the_photo_as_it_is() -> None:
    picture = HeatMap(0, np.full((7, 7), -1, np.float32)).over(make_jpeg("green", 1))
    assert Image.open(io.BytesIO(picture)).size == (72, 72)
