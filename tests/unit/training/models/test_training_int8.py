"""int8 is served where the validation photos allow it, and the run says why or why not."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import numpy as np
import openvino as ov
import pytest
import torch
from torch import nn

from tests.unit.training.made_photos import Trained
from tests.unit.training.models.test_training_artefact import load, with_description
from tests.unit.training.run.test_training_run import SCHEMAS, compare, pack, run_again
from training.data.dataset import Photo, load_dataset
from training.data.photo_source import open_source
from training.data.preprocessing import Pixels, Preprocessing
from training.data.sampling import pick_evenly
from training.export import served_precision
from training.export.export import append_linear, export_network
from training.export.graph import Graph
from training.export.quantise import QuantisationError, quantise
from training.export.served_model import machine_architecture
from training.settings import SplitConfig

OTHER = {"x86_64": "arm64", "arm64": "x86_64"}[machine_architecture()]
Quantise = Callable[[ov.Model, list[Pixels]], ov.Model]


@contextmanager
def judged_by_few() -> Iterator[pytest.MonkeyPatch]:
    """As if six validation photos were enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served_precision, "MIN_VALID_PHOTOS", 6)
        yield patch


@pytest.fixture(scope="module")
def int8(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run whose int8 graph is served whatever it loses: six photos are few to decide by."""
    folder = tmp_path_factory.mktemp("int8")
    with judged_by_few():
        return run_again(
            trained, folder, **{"int8": "auto", "int8-max-accuracy-loss": 1, "unknown-false-alarm-rate": 0.2}
        )


def test_the_int8_graph_is_what_is_served_and_evaluated(int8: Trained) -> None:
    metrics = int8.metrics()
    jsonschema.validate(metrics, json.loads((SCHEMAS / "metrics.schema.json").read_text()))
    assert metrics["serving"]["precision"] == "int8"
    assert metrics["serving"]["calibration_photos"] == metrics["images"]["train"]
    assert metrics["serving"]["valid_accuracy_int8"] >= 4 / 6
    assert metrics["serving"]["top_class_agreement"] >= 4 / 6
    assert metrics["seconds"]["quantise"] > 0

    served, source = load(int8.model), open_source(int8.dataset)
    assert served.description.precision == "int8"
    assert served.description.architecture == machine_architecture()
    for line in map(json.loads, (int8.output / "test_predictions.jsonl").read_text("utf-8").splitlines()):
        scores = served.scores([served.description.preprocessing.decode(source.read(line["photo"]))])
        answers = dict(zip(served.classes, served.probabilities(scores)[0], strict=True))
        # The same graph on the same machine; only the batch is another.
        assert {each["label"]: each["probability"] for each in line["predictions"]} == pytest.approx(
            answers, abs=0.01
        )


def test_the_int8_graph_tells_unknown_photos_as_the_evaluation_did(int8: Trained) -> None:
    unknown, served, source = int8.metrics()["unknown"], load(int8.model), open_source(int8.dataset)
    assert unknown["reason"] is None
    assert unknown["valid_photos"] == 6
    assert served.description.unknown
    assert served.description.unknown.threshold == unknown["threshold"]
    decode = served.description.preprocessing.decode
    called = []
    for line in map(json.loads, (int8.output / "test_predictions.jsonl").read_text("utf-8").splitlines()):
        _, scores = served.answers([decode(source.read(line["photo"]))])
        assert scores is not None
        assert line["unknown_score"] == pytest.approx(float(scores[0]), abs=1e-3)
        assert line["unknown"] == (line["unknown_score"] > line["unknown_threshold"])
        called.append(line["unknown"])
    assert unknown["test_false_alarm_rate"] == pytest.approx(sum(called) / len(called))

    # The training's photos have noise over one colour.
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::8], stripes[:, ::8] = 255, (255, 0, 90)
    _, (score,) = served.answers([stripes])  # type: ignore[misc]
    assert served.unknown(score)["unknown"]


def test_the_drift_reference_counts_the_answers_for_validation_and_test_photos(int8: Trained) -> None:
    reference, served, metrics = int8.metrics()["drift"], load(int8.model), int8.metrics()
    assert served.description.drift
    assert served.description.drift.to_json() == reference
    assert reference["photos"] == metrics["images"]["valid"] + metrics["images"]["test"]
    for statistic in ("confidence", "unknown_score"):
        assert sum(reference[statistic]["counts"]) == reference["photos"]
    # The threshold is above most of the validation photos' scores.
    in_test = metrics["unknown"]["test_false_alarm_rate"] * metrics["images"]["test"]
    assert round(in_test) <= reference["unknown"] < reference["photos"] / 2
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::8], stripes[:, ::8] = 255, (255, 0, 90)
    scores, unknown = served.answers([stripes])
    assert unknown is not None
    told = served.drift(served.probabilities(scores)[0], float(unknown[0]))["drift"]
    assert told["unknown_score"] == 4


def test_the_last_layer_alone_stays_in_float32(int8: Trained) -> None:
    graph = ov.Core().read_model(int8.model / "graph.xml")
    kinds = {kind: inputs_of(graph, kind) for kind in ("Convolution", "MatMul")}
    # Padding may stand between.
    assert sum("FakeQuantize" in inputs for inputs in kinds["Convolution"]) > 20
    assert kinds["MatMul"]
    assert not any("FakeQuantize" in inputs for inputs in kinds["MatMul"])


def inputs_of(graph: ov.Model, kind: str) -> list[set[str]]:
    """Of each node of that kind, the kinds of the nodes it takes."""
    return [
        {each.get_node().get_type_name() for each in node.input_values()}
        for node in graph.get_ops()
        if node.get_type_name() == kind
    ]


def test_the_report_says_which_precision_is_served_and_why(trained: Trained, int8: Trained) -> None:
    said = (int8.output / "report.html").read_text("utf-8")
    assert "The endpoint computes in <b>int8</b>: int8 changes the validation accuracy by" in said
    said = (trained.output / "report.html").read_text("utf-8")
    assert "The endpoint computes in <b>float32</b>: int8 is switched off." in said


def test_an_int8_champion_of_another_architecture_is_not_compared(int8: Trained, tmp_path: Path) -> None:
    pack(with_description(int8.model, tmp_path / "model", architecture=OTHER), tmp_path)
    found = compare(tmp_path)
    assert not found["comparable"]
    assert f"the int8 graph was validated on {OTHER}" in found["reason"]


def always_the_first_class(model: ov.Model, photos: list[Pixels]) -> ov.Model:
    return append_linear(model, np.zeros((3, 3), np.float32), np.array([1, 0, 0], np.float32))


def unable(model: ov.Model, photos: list[Pixels]) -> ov.Model:
    raise QuantisationError("RuntimeError: an operation\nis not known")


def uncalled(model: ov.Model, photos: list[Pixels]) -> ov.Model:
    raise AssertionError("int8 is not to be tried")


@pytest.mark.parametrize(
    ("made", "architecture", "reason"),
    [
        (always_the_first_class, "auto", "a loss of no more than 0.50% is allowed"),
        (unable, "auto", "int8 could not be made: RuntimeError: an operation"),
        (uncalled, OTHER, "int8 is served only on the architecture on which it was validated"),
    ],
)
def test_float32_is_served_where_int8_is_worse_or_cannot_be(
    trained: Trained, tmp_path: Path, made: Quantise, architecture: str, reason: str
) -> None:
    with judged_by_few() as patch:
        patch.setattr(served_precision, "quantise", made)
        run = run_again(trained, tmp_path, int8="auto", serving_architecture=architecture)
    metrics, serving = run.metrics(), run.metrics()["serving"]
    jsonschema.validate(metrics, json.loads((SCHEMAS / "metrics.schema.json").read_text()))
    assert serving["precision"] == "float32"
    assert reason in serving["reason"]
    tried = made is always_the_first_class
    assert serving["valid_accuracy_int8"] == (pytest.approx(2 / 6) if tried else None)
    assert metrics["loss"] == trained.metrics()["loss"], "the float32 graph is what is evaluated"
    assert load(run.model).description.precision == "float32"
    assert (run.model / "graph.bin").read_bytes() == (trained.model / "graph.bin").read_bytes()


def test_ranges_are_set_by_training_photos_alone(trained: Trained, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def watch(model: ov.Model, photos: list[Pixels]) -> ov.Model:
        seen.extend(photo.tobytes() for photo in photos)
        return model

    with judged_by_few() as patch:
        patch.setattr(served_precision, "quantise", watch)
        run = run_again(trained, tmp_path, int8="auto")
    assert run.metrics()["serving"]["top_class_agreement"] == 1
    source, preprocessing = open_source(trained.dataset), load(run.model).description.preprocessing
    photos = load_dataset(source, SplitConfig(0.15, 0.2, 0), threads=1).splits["train"]
    assert sorted(seen) == sorted(preprocessing.decode(source.read(photo.name)).tobytes() for photo in photos)


def test_too_few_validation_photos_do_not_judge_int8(trained: Trained, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(served_precision, "quantise", uncalled)
        serving = run_again(trained, tmp_path, int8="auto").metrics()["serving"]
    assert (serving["precision"], serving["valid_accuracy_int8"]) == ("float32", None)
    assert serving["reason"] == "6 validation photos are too few to judge int8 by; 30 are enough"


def test_calibration_takes_as_many_photos_of_each_class() -> None:
    counts = {0: 500, 1: 500, 2: 3}
    photos = [Photo(f"{label}/{number}", label, "") for label in counts for number in range(counts[label])]
    picked = pick_evenly(photos, 303, seed=1)
    assert [sum(photo.label == label for photo in picked) for label in counts] == [150, 150, 3]
    assert len({photo.name for photo in picked}) == 303
    assert picked == pick_evenly(photos, 303, seed=1)
    assert picked != pick_evenly(photos, 303, seed=2)
    assert len(pick_evenly(photos[:7], 303, seed=1)) == 7


def test_quantising_says_nothing_and_repeats(capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU(), nn.AvgPool2d(7), nn.Flatten()
    )
    halves = (0.5, 0.5, 0.5)
    model = export_network(
        nn.Sequential(network, nn.Linear(8, 3)), Preprocessing(32, halves, halves, "bilinear")
    )
    random = np.random.default_rng(0)
    photos = [random.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(8)]
    exact = Graph(model, threads=1).run(photos)
    first, second = (Graph(quantise(model, photos), threads=1).run(photos) for _ in range(2))
    assert "".join(capfd.readouterr()) == "", "the log is for people"
    assert np.array_equal(first, second)
    assert not np.array_equal(first, exact)
    assert np.abs(first - exact).max() < 0.1 * np.abs(exact).max()
    assert np.array_equal(Graph(model, threads=1).run(photos), exact)


def test_what_cannot_be_quantised_is_an_error_that_says_so() -> None:
    with pytest.raises(QuantisationError, match="ValidationError"):
        quantise(_identity(), [])


def _identity() -> ov.Model:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    return export_network(network, Preprocessing(32, (0.5,) * 3, (0.5,) * 3, "bilinear"))  # type: ignore[arg-type]
