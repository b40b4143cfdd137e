"""One whole run: what it leaves, that it repeats, how it fails, and what a champion changes."""

import json
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import openvino as ov
import pytest
import torch
from numpy.typing import NDArray

from drops.layout import read_layout
from tests.unit.training.made_photos import COLOURS, Trained, make_jpeg, write_photos
from training.arguments import parse_arguments
from training.data.photo_source import FolderSource
from training.data.preprocessing import Pixels
from training.evaluation.champion import compare_with_champion
from training.export.export import append_linear
from training.failures import DatasetError
from training.features.extraction import Features, Pass
from training.features.feature_file import FeatureFile
from training.models.backbones import BACKBONES
from training.train import main, train

SCHEMAS = Path(__file__).parents[4] / "schemas"


def run_again(trained: Trained, folder: Path, **changes: object) -> Trained:
    again = Trained(trained.dataset, trained.weights, folder / "model", folder / "output")
    train(parse_arguments(again.arguments(**changes), {}))
    return again


def without_machine(metrics: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on how fast and how large the machine was."""
    return {
        name: value
        for name, value in metrics.items()
        if name not in {"seconds", "images_per_second", "peak_memory_mib"}
    }


def pack(model: Path, folder: Path) -> Path:
    """A `champion` channel, as SageMaker packs a model."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "model.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(model, ".")
    return folder


def test_a_run_loads_neither_torchvision_nor_nncf_where_it_needs_neither(
    trained: Trained, tmp_path: Path
) -> None:
    """They take seconds to import; the shipped backbone is our own, and there is no int8 here."""
    run = Trained(trained.dataset, trained.weights, tmp_path / "model", tmp_path / "output")
    script = (
        "import sys\n"
        "from training import train\n"
        f"sys.argv = {['train.py', *run.arguments(epochs=2)]}\n"
        "assert train.main() == 0\n"
        "loaded = {'torchvision', 'nncf'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_metrics_match_their_schema_and_add_up(trained: Trained) -> None:
    metrics = trained.metrics()
    jsonschema.validate(metrics, json.loads((SCHEMAS / "metrics.schema.json").read_text()))
    assert metrics["classes"] == sorted(COLOURS)
    assert metrics["images"] == {"train": 18, "valid": 6, "test": 6}
    assert sum(map(sum, metrics["confusion_matrix"])) == 6
    assert metrics["accuracy"] >= 5 / 6
    assert metrics["history"][metrics["best_epoch"] - 1]["epoch"] == metrics["best_epoch"]
    assert metrics["run_id"] == "a" * 32
    assert metrics["champion"] is None
    assert metrics["hyperparameters"]["image_size"] == 64


def test_what_the_doctor_found_matches_its_schema_and_is_told_everywhere(trained: Trained) -> None:
    document = json.loads((trained.output / "doctor.json").read_text("utf-8"))
    jsonschema.validate(document, json.loads((SCHEMAS / "doctor.schema.json").read_text()))
    metrics = trained.metrics()
    assert document["counts"] == metrics["doctor"]
    assert document["photos"] == metrics["images"]
    # Faint noise shows nothing, and ten photos a class are few.
    counts = {kind: count for kind, count in document["counts"].items() if count}
    assert counts == {"blank": 30, "few_photos": 3}
    report = (trained.output / "report.html").read_text("utf-8")
    assert "Classes with few photos: 3" in report and "Blank: 30, the first 12" in report
    assert (trained.output / "review.csv").read_text("utf-8").startswith("action,file,label,")


def test_each_test_photo_has_its_answer_on_a_line(trained: Trained) -> None:
    schema = json.loads((SCHEMAS / "test_prediction.schema.json").read_text())
    text = (trained.output / "test_predictions.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        jsonschema.validate(line, schema)
        probabilities = [each["probability"] for each in line["predictions"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-4)  # of three classes, all are there
        assert line["photo"].split("/")[-2] == line["label"]
    metrics = trained.metrics()
    assert len({line["photo"] for line in lines}) == len(lines) == metrics["images"]["test"]
    right = sum(line["predictions"][0]["label"] == line["label"] for line in lines)
    assert right / len(lines) == pytest.approx(metrics["accuracy"])


def test_the_acceptance_sample_is_of_the_test_photos_and_says_what_they_are_answered(
    trained: Trained,
) -> None:
    sample = trained.acceptance()
    jsonschema.validate(sample, json.loads((SCHEMAS / "acceptance.schema.json").read_text()))
    text = (trained.output / "test_predictions.jsonl").read_text("utf-8")
    answered = {line["photo"]: line for line in map(json.loads, text.splitlines())}
    assert len(sample["photos"]) == len(answered)
    for photo in sample["photos"]:
        # Small JPEGs are taken as they are, so both are answers for the same bytes.
        (original,) = trained.dataset.rglob("/".join(photo["photo"].split("/")[-2:]))
        assert (trained.output / photo["file"]).read_bytes() == original.read_bytes()
        line = answered[photo["photo"]]
        assert photo["label"] == line["label"]
        probabilities = {each["label"]: each["probability"] for each in photo["predictions"]}
        assert probabilities == {
            each["label"]: pytest.approx(each["probability"], abs=1e-4) for each in line["predictions"]
        }


def test_the_report_is_one_page_that_loads_nothing(trained: Trained) -> None:
    report = (trained.output / "report.html").read_text()
    assert report.count("data:image/svg+xml;base64,") == 3
    assert "The endpoint calls no photo unknown: 6 validation photos are too few" in report
    assert 'src="http' not in report
    assert "<script" not in report
    assert f"{trained.metrics()['accuracy']:.1%}" in report


def test_a_run_is_reproducible(trained: Trained, tmp_path: Path) -> None:
    again = run_again(trained, tmp_path)
    assert (again.model / "model.pth").read_bytes() == (trained.model / "model.pth").read_bytes()
    first, second = trained.metrics(), again.metrics()
    assert without_machine(first) == without_machine(second)


def change_outputs(model: Path, weight: list[list[float]], bias: list[float]) -> None:
    """Put a linear layer behind the graph of an artefact."""
    graph = ov.Core().read_model((model / "graph.xml").read_bytes(), (model / "graph.bin").read_bytes())
    changed = append_linear(graph, np.array(weight, np.float32), np.array(bias, np.float32))
    ov.save_model(changed, model / "graph.xml", compress_to_fp16=False)


def test_a_champion_is_tried_on_the_same_photos(trained: Trained, tmp_path: Path) -> None:
    champion = shutil.copytree(trained.model, tmp_path / "champion-model")
    # The champion knew the classes in another order: its outputs are matched by name.
    change_outputs(champion, [[0, 0, 1], [1, 0, 0], [0, 1, 0]], [0, 0, 0])
    classes = json.loads((champion / "classes.json").read_text())
    (champion / "classes.json").write_text(json.dumps([classes[index] for index in (2, 0, 1)]))

    again = run_again(trained, tmp_path, champion=pack(champion, tmp_path / "channel"))
    assert again.metrics()["champion"] == {
        "comparable": True,
        "reason": None,
        "accuracy": trained.metrics()["accuracy"],
        "challenger_only_right": 0,
        "champion_only_right": 0,
    }
    assert "The model that serves now gets" in (again.output / "report.html").read_text()


def test_a_champion_that_is_worse_shows_in_the_counts(trained: Trained, tmp_path: Path) -> None:
    champion = shutil.copytree(trained.model, tmp_path / "champion-model")
    change_outputs(champion, [[0] * 3] * 3, [1, 0, 0])  # always the first class
    # Only the graph counts, not what is kept for training on.
    (champion / "model.pth").unlink()
    metrics = run_again(trained, tmp_path, champion=pack(champion, tmp_path / "channel")).metrics()
    assert metrics["champion"]["accuracy"] == pytest.approx(2 / 6)
    difference = metrics["champion"]["challenger_only_right"] - metrics["champion"]["champion_only_right"]
    assert difference / 6 == pytest.approx(metrics["accuracy"] - 2 / 6)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (
            "classes.json",
            b'["amber", "blue", "violet"]',
            "the classes differ from the champion's: 1 new (green), 1 gone (violet)",
        ),
        (
            "model.json",
            b'{"format_version": 1}',
            "the champion cannot be loaded: model.json has format version 1, not 2: train it again",
        ),
        ("graph.xml", b"<net", "the champion cannot be loaded: graph.xml: the engine cannot read the graph"),
    ],
)
def test_a_champion_that_is_another_kind_of_model_is_not_compared(
    trained: Trained, tmp_path: Path, file: str, content: bytes, reason: str
) -> None:
    model = shutil.copytree(trained.model, tmp_path / "champion-model", ignore=lambda *_: ["model.pth"])
    (model / file).write_bytes(content)
    pack(model, tmp_path)
    found = compare(tmp_path)
    assert found["comparable"] is False
    assert found["reason"].startswith(reason)


def compare(channel: Path) -> dict[str, Any]:
    """With a champion for which nothing is to be computed."""

    def no_pass(_: list[Pixels]) -> NDArray[np.float32]:
        raise AssertionError("nothing is to be computed")

    run = Pass(no_pass, BACKBONES["efficientnet_lite0"].preprocessing(64), FolderSource(channel), threads=1)
    nobody, nothing = Features(FeatureFile(), [], []), torch.zeros(0, dtype=torch.bool)
    return compare_with_champion(channel, sorted(COLOURS), nobody, nothing, run)


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_a_champion_that_cannot_be_read_is_not_compared(tmp_path: Path, content: bytes | None) -> None:
    if content:
        (tmp_path / "model.tar.gz").write_bytes(content)
    found = compare(tmp_path)
    assert found["comparable"] is False
    assert "model.tar.gz is not a readable archive" in found["reason"]


def test_photos_that_cannot_be_decoded_are_left_out_and_listed(weights: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "dataset", count=10)
    (folder / "blue" / "cut.jpg").write_bytes(make_jpeg("blue", 50)[:700])
    (folder / "green" / "empty.png").write_bytes(b"")
    run = Trained(folder, weights, tmp_path / "model", tmp_path / "output")
    train(parse_arguments(run.arguments(), {}))
    metrics = run.metrics()
    assert sorted(item["name"] for item in metrics["excluded_images"]) == ["blue/cut.jpg", "green/empty.png"]
    assert sum(metrics["images"].values()) == 30
    assert "blue/cut.jpg" in (run.output / "report.html").read_text()


def test_what_the_inspection_found_is_in_the_report(trained: Trained, tmp_path: Path) -> None:
    findings = "photos in no class folder are left out: '<b>stray</b>\x1b.jpg'"
    inspected = read_layout(FolderSource(trained.dataset).entries()).sha256
    again = run_again(trained, tmp_path, layout_sha256=inspected, inspection_findings=findings)
    report = (again.output / "report.html").read_text()
    assert "What the inspection found" in report
    assert "&#x27;&lt;b&gt;stray&lt;/b&gt;\\x1b.jpg&#x27;" in report
    assert "What the inspection found" not in (trained.output / "report.html").read_text()


@pytest.mark.parametrize("inspected", ["0" * 64, "no digest"])
def test_a_dataset_that_was_not_inspected_is_not_trained_on(
    trained: Trained, tmp_path: Path, inspected: str
) -> None:
    with pytest.raises(DatasetError, match="not those that were inspected"):
        run_again(trained, tmp_path, layout_sha256=inspected)
    assert not (tmp_path / "model").exists()


def test_too_many_bad_photos_end_the_run_with_their_list(weights: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "dataset", count=5)
    for number in range(5):
        (folder / "blue" / f"bad{number}.jpg").write_bytes(f"not a photo {number}".encode())
    run = Trained(folder, weights, tmp_path / "model", tmp_path / "output")
    with pytest.raises(DatasetError) as caught:
        train(parse_arguments(run.arguments(), {}))
    assert "5 of 20 photos cannot be read, more than 20%" in str(caught.value)
    assert "blue/bad3.jpg (the content is not one of JPEG" in str(caught.value)
    assert not run.model.exists()


def test_strange_class_names_stay_text(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    names = ("<script>alert(1)</script>", "$\\frac{$ & 100%", "日本 犬")
    for name, label in zip(names, COLOURS, strict=True):
        (folder / name.replace("/", "∕")).mkdir(parents=True)
        for number in range(6):
            (folder / name.replace("/", "∕") / f"{number}.jpg").write_bytes(make_jpeg(label, number))
    run = Trained(folder, weights, tmp_path / "model", tmp_path / "output")
    train(parse_arguments(run.arguments(), {}))
    report = (run.output / "report.html").read_text("utf-8")
    assert "<script" not in report
    assert "&lt;script&gt;" in report
    assert "日本 犬" in report


def test_a_failure_is_one_sentence_where_sagemaker_looks(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["train.py", *trained.arguments(weights=tmp_path)])
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main() == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (tmp_path / "failure").read_text().startswith(f"the weights folder {tmp_path} has no")


def test_sigterm_ends_a_run_cleanly(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_photos(tmp_path / "dataset", count=150)
    run = Trained(folder, trained.weights, tmp_path / "model", tmp_path / "output")
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    command = [sys.executable, "-m", "training.train", *run.arguments(image_size=320)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        while not process.stdout.readline().startswith("phase=features"):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 143
        assert "Traceback" not in process.stderr.read()
    assert "stopped by SIGTERM" in (tmp_path / "failure").read_text()
    assert not run.model.exists()
    assert not run.output.exists()
