"""The artefact under SageMaker's own inference toolkit, and by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from made_photos import Trained

import inference
from preprocessing import decode_photo


class Status:
    """The context of a request."""

    code = 200

    def set_response_status(self, code: int, phrase: str = "") -> None:
        self.code = int(code)


def test_the_serving_containers_handler_serves_the_artefact(trained: Trained, tmp_path: Path) -> None:
    smoke = trained.output / "smoke_test.jpg"
    (tmp_path / "cut.jpg").write_bytes(smoke.read_bytes()[:500])
    script = Path(__file__).with_name("model_server_request.py")
    photos = [
        f"image/jpeg={smoke}",
        f"image/jpeg={tmp_path / 'cut.jpg'}",
        f"application/pdf={smoke}",
        f"image/png={smoke}",
    ]
    run = subprocess.run(
        [sys.executable, str(script), str(trained.model), *photos],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(trained.model / "code"), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    good, cut, pdf, mislabelled = [json.loads(line) for line in run.stdout.splitlines()]

    assert (good["status"], good["type"]) == (200, "application/json")
    answer = json.loads(good["body"])
    metrics = trained.metrics()
    assert answer["classes"] == metrics["classes"]
    best = max(range(3), key=answer["probabilities"].__getitem__)
    assert answer["classes"][best] == metrics["smoke_test"]["expected_label"]
    assert best == max(range(3), key=answer["scores"].__getitem__)
    assert sum(answer["probabilities"]) == pytest.approx(1)

    assert (cut["status"], cut["type"]) == (400, "application/json")
    assert json.loads(cut["body"])["error"].startswith("bad image: cannot be decoded")
    assert pdf["status"] == 415
    assert "application/pdf" in json.loads(pdf["body"])["error"]
    assert json.loads(mislabelled["body"]) == answer


def test_scores_are_those_of_the_evaluation(trained: Trained) -> None:
    """What the test measured is what the endpoint answers: the same pixels, weights and precision."""
    from classifier import load_classifier

    classifier = load_classifier(lambda name: (trained.model / name).read_bytes(), torch.device("cpu"))
    photo = (trained.output / "smoke_test.jpg").read_bytes()
    expected = classifier.logits([decode_photo(photo, 64)])[0]
    model, context = inference.model_fn(str(trained.model)), Status()
    prediction = inference.predict_fn(inference.input_fn(photo, "image/jpeg", context), model, context)
    assert not isinstance(prediction, inference.Refusal)
    assert prediction["scores"] == expected.tolist()
    assert context.code == 200


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("model.json", None, "the model artefact has no model.json"),
        ("model.json", b"{}", "model.json is malformed"),
        ("classes.json", b'{"a": 1}', "classes.json is not a list"),
        ("classes.json", b'["a", "b"]', "model.pth does not hold the weights of efficientnet_lite0"),
        ("model.pth", b"", "model.pth does not hold the weights"),
    ],
)
def test_a_broken_artefact_is_named(
    trained: Trained, tmp_path: Path, file: str, content: bytes | None, sentence: str
) -> None:
    for source in trained.model.glob("*.*"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        inference.model_fn(str(tmp_path))
