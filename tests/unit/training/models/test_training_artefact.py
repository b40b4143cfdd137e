"""The artefact by itself answers what training says it does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support.float_tolerance import near_scores, softmax
from tests.unit.training.made_photos import Trained
from training.data.dataset import load_dataset
from training.data.photo_source import open_source
from training.export.served_model import ArtefactError, ServedModel, load_served_model, machine_architecture
from training.models.backbones import build_classifier
from training.models.torch_network import to_tensor
from training.settings import SplitConfig

CPU = torch.device("cpu")


def load(folder: Path) -> ServedModel:
    return load_served_model(lambda name: (folder / name).read_bytes(), threads=1)


def test_it_holds_a_graph_weights_and_no_code(trained: Trained) -> None:
    names = {path.name for path in trained.model.rglob("*")}
    assert names == {"graph.xml", "graph.bin", "classes.json", "model.json", "model.pth"}
    assert json.loads((trained.model / "model.json").read_text()) == {
        "format_version": 2,
        "backbone": "efficientnet_lite0",
        "precision": "float32",
        "architecture": machine_architecture(),
        "temperature": trained.metrics()["calibration"]["temperature"],
        "image_size": 64,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bilinear",
        "drift": trained.metrics()["drift"],
    }


def check_answers(trained: Trained) -> None:
    """Each test photo's probabilities are those that training left in test_predictions.jsonl."""
    served, source = load(trained.model), open_source(trained.dataset)
    lines = (trained.output / "test_predictions.jsonl").read_text("utf-8").splitlines()
    for line in map(json.loads, lines):
        scores = served.scores([served.description.preprocessing.decode(source.read(line["photo"]))])
        answers = dict(zip(served.classes, served.probabilities(scores)[0], strict=True))
        said = {each["label"]: each["probability"] for each in line["predictions"]}
        assert said == pytest.approx(answers, abs=1e-5)


def test_it_answers_each_test_photo_as_the_evaluation_did(trained: Trained) -> None:
    check_answers(trained)


def test_the_graph_is_the_network_whose_weights_lie_beside_it(trained: Trained) -> None:
    served, source = load(trained.model), open_source(trained.dataset)
    network = build_classifier("efficientnet_lite0", 3)
    network.load_state_dict(torch.load(trained.model / "model.pth", weights_only=True))
    preprocessing = served.description.preprocessing
    test = load_dataset(source, SplitConfig(0.15, 0.2, 0), threads=1).splits["test"]
    photos = [preprocessing.decode(source.read(photo.name)) for photo in test]
    with torch.inference_mode():
        expected = network(to_tensor(photos, preprocessing, CPU)).tolist()
    for scores, those in zip(served.scores(photos).tolist(), expected, strict=True):
        assert scores == near_scores(those)


def test_serving_it_needs_no_torch(trained: Trained) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from training.export.served_model import load_served_model\n"
        "load_served_model(lambda name: (Path(sys.argv[1]) / name).read_bytes(), 1)\n"
        "assert 'torch' not in sys.modules and 'nncf' not in sys.modules\n"
    )
    command = [sys.executable, "-c", program, str(trained.model)]
    subprocess.run(command, check=True, capture_output=True)


def test_probabilities_are_those_of_the_temperature(trained: Trained, tmp_path: Path) -> None:
    served = load(with_description(trained.model, tmp_path, temperature=2.5))
    scores = served.scores([served.description.preprocessing.decode(_acceptance_photo(trained))])
    assert served.probabilities(scores)[0].tolist() == pytest.approx(softmax(scores[0].tolist(), 2.5))


@pytest.mark.parametrize("temperature", [0, -1, "hot", None, float("inf")])
def test_a_temperature_that_is_none_is_refused(trained: Trained, tmp_path: Path, temperature: object) -> None:
    with pytest.raises(ArtefactError, match=r"model\.json has the temperature"):
        load(with_description(trained.model, tmp_path, temperature=temperature))


def with_description(model: Path, folder: Path, **changes: object) -> Path:
    """A copy of an artefact whose model.json says something else."""
    folder.mkdir(exist_ok=True)
    for source in model.iterdir():
        (folder / source.name).write_bytes(source.read_bytes())
    description = json.loads((model / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**description, **changes}))
    return folder


def _acceptance_photo(trained: Trained) -> bytes:
    return (trained.output / "acceptance/00.jpg").read_bytes()
