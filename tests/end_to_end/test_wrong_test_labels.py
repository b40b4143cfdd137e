"""Labels of the test made wrong on purpose, in real photos: they are told, apart, and change no model."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from deploy_scripts.demo_data import DEMO_GROUPS, prepare_photos
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from training.arguments import parse_arguments
from training.export.served_model import GRAPH_WEIGHTS_FILE
from training.train import train

PLANTED = 4


@pytest.fixture(scope="module")
def true_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's photos by split and class: of each class every fourth photo is one of the test."""
    folder = tmp_path_factory.mktemp("food")
    with zipfile.ZipFile(prepare_photos("food", DEMO_GROUPS).zip_file) as archive:
        for number, name in enumerate(sorted(archive.namelist())):
            split = ("test", "train", "train", "valid")[number % 4]
            target = folder / split / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
    return folder


def plant(true_labels: Path, folder: Path) -> dict[str, str]:
    """A copy in which a few test photos lie in another class's folder; their names there -> true labels."""
    shutil.copytree(true_labels, folder)
    planted = {}
    for label, other in (
        ("legumes", "fruits"),
        ("fruits", "sea_fish"),
        ("sea_fish", "roots"),
        ("roots", "legumes"),
    ):
        photo = sorted((true_labels / "test" / label).iterdir())[2]
        (folder / "test" / label / photo.name).rename(folder / "test" / other / photo.name)
        planted[f"test/{other}/{photo.name}"] = label
    return planted


def run(dataset: Path, folder: Path) -> tuple[dict, dict, Path]:  # type: ignore[type-arg]
    """metrics.json, doctor.json, and the folder of the model."""
    weights = folder / "weights"
    weights.mkdir(parents=True)
    (weights / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
    places = {
        "dataset": dataset,
        "weights": weights,
        "model-dir": folder / "model",
        "output-dir": folder / "out",
    }
    options = [part for name, value in places.items() for part in (f"--{name}", str(value))]
    train(parse_arguments([*options, "--int8", "never"], {}))
    metrics, doctor = (
        json.loads((folder / "out" / f"{name}.json").read_text()) for name in ("metrics", "doctor")
    )
    return metrics, doctor, folder / "model"


def test_wrong_labels_of_the_test_are_told_and_decide_nothing(true_labels: Path, tmp_path: Path) -> None:
    planted = plant(true_labels, tmp_path / "wrong")

    clean, _, clean_model = run(true_labels, tmp_path / "clean")
    metrics, doctor, model = run(tmp_path / "wrong", tmp_path / "planted")

    found = {
        each["photo"]: each["suggested_label"]
        for each in doctor["photo_findings"]
        if each["kind"] == "test_label_error"
    }
    told = {name: label for name, label in planted.items() if found.get(name) == label}
    assert len(told) >= PLANTED - 1
    # Hardly more than were planted.
    assert len(found) <= len(told) + 2
    assert doctor["test_labels_checked"] == metrics["images"]["test"]
    assert metrics["doctor"]["test_label_error"] == len(found)
    assert metrics["accuracy"] < clean["accuracy"]
    # The same epochs, and the same weights to the last bit.
    assert (metrics["history"], metrics["best_epoch"]) == (clean["history"], clean["best_epoch"])
    assert (model / GRAPH_WEIGHTS_FILE).read_bytes() == (clean_model / GRAPH_WEIGHTS_FILE).read_bytes()
    out = tmp_path / "planted" / "out"
    assert f"Probably wrong labels of the test: {len(found)}" in (out / "report.html").read_text("utf-8")
    assert "accuracy may be misstated" in (out / "model_card.html").read_text("utf-8")
    lines = (out / "review.csv").read_text("utf-8").splitlines()
    assert all(any(line.startswith(f"keep,{name},") for line in lines) for name in told)
