"""The artefact under SageMaker's own inference toolkit, and by hand."""

import base64
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from float_tolerance import near_scores, probability_tolerance, score_tolerance, softmax
from made_photos import Trained, make_jpeg

import inference
from classifier import Classifier, load_classifier
from preprocessing import Pixels, decode_photo
from serving_network import prepare_network
from serving_request import Prediction, Refusal, Scored


class Status:
    """The context of a request."""

    code = 200

    def set_response_status(self, code: int, phrase: str = "") -> None:
        self.code = int(code)


def test_the_serving_containers_handler_serves_the_artefact(trained: Trained, tmp_path: Path) -> None:
    smoke = trained.output / "smoke_test.jpg"
    (tmp_path / "cut.jpg").write_bytes(smoke.read_bytes()[:500])
    instance = {"b64": base64.b64encode(smoke.read_bytes()).decode()}
    (tmp_path / "batch.json").write_text(json.dumps({"instances": [instance, {"b64": "?"}]}))
    script = Path(__file__).with_name("model_server_request.py")
    photos = [
        f"image/jpeg={smoke}",
        f"image/jpeg={tmp_path / 'cut.jpg'}",
        f"application/pdf={smoke}",
        f"image/png={smoke}",
        f"application/json={tmp_path / 'batch.json'}",
    ]
    run = subprocess.run(
        [sys.executable, str(script), str(trained.model), *photos],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(trained.model / "code"),
            "OMP_NUM_THREADS": "1",
            "SERVE_PRECISION": "float32",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    good, cut, pdf, mislabelled, batch = [json.loads(line) for line in run.stdout.splitlines()]

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
    in_batch, refused = json.loads(batch["body"])["predictions"]
    assert refused == {"error": "instance 1 is not base64"}
    for again in (json.loads(mislabelled["body"]), {"classes": answer["classes"], **in_batch}):
        assert set(again) == set(answer)
        assert again["classes"] == answer["classes"]
        assert again["scores"] == near_scores(answer["scores"])


def pictures(count: int) -> list[Pixels]:
    return [
        decode_photo(make_jpeg(label, number), 64)
        for number in range(100, 100 + count // 3)
        for label in ("amber", "blue", "green")
    ]


def load(trained: Trained) -> Classifier:
    return load_classifier(lambda name: (trained.model / name).read_bytes(), torch.device("cpu"))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_scores_are_those_of_the_evaluation(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    """What the test measured is what the endpoint answers: the same pixels and weights, the same class."""
    monkeypatch.setenv("SERVE_PRECISION", precision)
    model, context = inference.model_fn(str(trained.model)), Status()
    assert model.precision == precision
    photos = [make_jpeg(label, number) for number in range(50, 55) for label in ("amber", "blue", "green")]
    expected = load(trained).logits([decode_photo(photo, 64) for photo in photos])
    for photo, logits in zip(photos, expected, strict=True):
        prediction = inference.predict_fn(inference.input_fn(photo, "image/jpeg"), model, context)
        assert isinstance(prediction, Prediction)
        (scored,) = prediction.photos
        assert isinstance(scored, Scored)
        scores = torch.tensor(scored.scores)
        assert scores.argmax() == logits.argmax()
        # What two classes may have moved towards each other; in float32, the margin is 0.
        moved = (scores - logits).max() - (scores - logits).min()
        assert moved <= model.tie_margin + 2 * score_tolerance(logits.tolist())
        assert scored.probabilities == pytest.approx(softmax(scored.scores, model.classifier.temperature))
    assert context.code == 200


def test_photos_together_get_the_scores_that_they_get_alone(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVE_PRECISION", "float32")
    model = inference.model_fn(str(trained.model))
    requests = [
        inference.input_fn(body, "image/jpeg")
        for body in (make_jpeg("blue", 7), b"no photo", make_jpeg("green", 8))
    ]
    together = inference.predict_batch(requests, model)
    alone = [inference.predict_batch([request], model)[0] for request in requests]
    assert (
        together[1]
        == alone[1]
        == Refusal("bad image: the content is not one of JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF")
    )
    for one, other in ((together[0], alone[0]), (together[2], alone[2])):
        assert isinstance(one, Prediction)
        assert isinstance(other, Prediction)
        (first,), (second,) = one.photos, other.photos
        assert isinstance(first, Scored)
        assert isinstance(second, Scored)
        assert first.scores == near_scores(second.scores)
        within = probability_tolerance(second.scores, model.classifier.temperature)
        assert first.probabilities == pytest.approx(second.probabilities, abs=within)


def test_bfloat16_does_not_change_which_of_two_near_classes_is_first(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVE_PRECISION", "bfloat16")
    classifier, photos = load(trained), pictures(9)
    served = prepare_network(classifier)
    # Each alone, as it is asked for below: a batch rounds in another way.
    exact, rounded = (
        torch.cat([network.logits([photo]) for photo in photos]).double()
        for network in (
            dataclasses.replace(served, reduced=None),
            dataclasses.replace(served, tie_margin=0.0),
        )
    )
    # Shift the first class to where bfloat16 moves the two past each other, half of its way on each side.
    lead, rounded_lead = exact[:, 0] - exact[:, 1], rounded[:, 0] - rounded[:, 1]
    place = int((rounded_lead - lead).abs().argmax())
    winner = int(lead[place] < rounded_lead[place])
    shift = -(lead[place] + rounded_lead[place]) / 2
    bias = classifier.network.get_parameter("_fc.bias")
    bias += torch.tensor([float(shift), 0.0, -100.0])

    served = prepare_network(classifier)
    unguarded = dataclasses.replace(served, tie_margin=0.0)
    assert classifier.logits([photos[place]]).argmax() == winner
    assert unguarded.logits([photos[place]]).argmax() == 1 - winner
    assert served.logits([photos[place]]).argmax() == winner
    assert served.logits(photos).argmax(1).tolist() == classifier.logits(photos).argmax(1).tolist()
    assert served.logits(photos).argmax(1).tolist() == classifier.logits(photos).argmax(1).tolist()


def test_float32_alone_serves_while_bfloat16_is_mostly_in_doubt(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVE_PRECISION", "bfloat16")
    served, photos = prepare_network(load(trained)), pictures(64)
    assert served.reduced is not None
    passes = []
    served.reduced.register_forward_hook(lambda *_: passes.append("bfloat16"))
    served.classifier.network.register_forward_hook(lambda *_: passes.append("float32"))
    served.tie_margin = 1e6
    first = served.logits(photos)
    assert passes[:2] == ["bfloat16", "float32"]
    passes.clear()
    for again, before in zip(served.logits(photos).tolist(), first.tolist(), strict=True):
        assert again == near_scores(before)
    assert set(passes) == {"float32"}
    # Now every photo's class is clear.
    served.tie_margin = 0.0
    served.logits(photos)
    passes.clear()
    served.logits(photos)
    assert set(passes) == {"bfloat16"}


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
