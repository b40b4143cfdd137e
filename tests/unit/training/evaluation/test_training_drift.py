"""What a model's traffic is compared with: bins of held-out photos, and in which one an answer is."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.models.test_training_artefact import load
from tests.unit.training.serving.serving_models import write_tiny_artefact
from training.export.drift_reference import Binned, DriftReference, read_drift_reference
from training.export.served_model import ArtefactError

RANDOM = np.random.default_rng(0)


def test_each_bin_has_its_share_of_the_held_out_photos() -> None:
    binned = Binned.of(RANDOM.normal(size=100))
    assert binned.counts == [20] * 5
    assert binned.edges == sorted(binned.edges)


def test_answers_that_are_all_alike_have_one_bin() -> None:
    binned = Binned.of(np.ones(10))
    assert binned.counts == [0, 0, 0, 0, 10]
    assert [binned.place(value) for value in (0.5, 1.0, 2.0)] == [0, 4, 4]


def test_a_value_counts_as_it_did_in_the_reference() -> None:
    values = RANDOM.normal(size=57)
    binned = Binned.of(values)
    places = [binned.place(float(value)) for value in values]
    assert np.bincount(places, minlength=5).tolist() == binned.counts


def test_a_reference_is_read_as_it_was_written() -> None:
    scores = RANDOM.normal(size=40)
    reference = DriftReference.of(RANDOM.uniform(size=40), scores, 1.0)
    assert reference.unknown == (scores > 1.0).sum()
    assert read_drift_reference(json.loads(json.dumps(reference.to_json()))) == reference


def test_a_model_that_tells_nothing_unknown_has_confidence_alone() -> None:
    reference = DriftReference.of(RANDOM.uniform(size=40), None, None)
    assert (reference.unknown_score, reference.unknown) == (None, None)
    assert reference.places(0.0, None) == {"confidence": 0}


@pytest.mark.parametrize(
    ("field", "value"),
    [("edges", [0.1, 0.2]), ("edges", [0.4, 0.3, 0.2, 0.1]), ("edges", ["much"] * 4), ("counts", [1])],
)
def test_an_artefact_with_a_reference_that_is_none_is_refused(
    tmp_path: Path, field: str, value: object
) -> None:
    write_tiny_artefact(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    drift = DriftReference.of(RANDOM.uniform(size=40), None, None).to_json()
    (tmp_path / "model.json").write_text(json.dumps({**description, "drift": drift}))
    served = load(tmp_path)
    assert served.drift(np.array([1.0, 0.0]), None) == {"drift": {"confidence": 4}}
    drift["confidence"][field] = value
    (tmp_path / "model.json").write_text(json.dumps({**description, "drift": drift}))
    with pytest.raises(ArtefactError, match="is malformed"):
        load(tmp_path)
