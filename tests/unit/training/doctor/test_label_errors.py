"""Wrong labels among made features: found, ranked first, and given the right class."""

import pytest
import torch

from training.doctor.feature_rows import FeatureRows
from training.doctor.label_errors import LabelScores, score_labels
from training.doctor.neighbours import find_neighbours
from training.doctor.out_of_fold import head_probabilities
from training.features.feature_file import FeatureFile

CLASSES = 3
COUNT = 90


def make_features(width: int, count: int = COUNT) -> tuple[torch.Tensor, torch.Tensor]:
    """Features around one centre a class, and the classes."""
    random = torch.Generator().manual_seed(7)
    labels = torch.arange(count) % CLASSES
    centres = torch.randn(CLASSES, width, generator=random)
    return centres[labels] + 0.5 * torch.randn(count, width, generator=random), labels


def score(features: torch.Tensor, labels: torch.Tensor) -> LabelScores:
    rows = FeatureRows([FeatureFile.of(features[:, None])])
    votes = find_neighbours(rows, labels, CLASSES).votes
    return score_labels(head_probabilities(rows, labels, CLASSES, seed=0), votes, labels)


# More photos than features, and fewer: the head is fitted in two ways.
@pytest.mark.parametrize("width", [16, 200])
def test_wrong_labels_are_found_with_the_right_class(width: int) -> None:
    features, truth = make_features(width)
    labels = truth.clone()
    wrong = [3, 40, 77]
    labels[wrong] = (labels[wrong] + 1) % CLASSES

    errors = score(features, labels).errors()

    assert sorted(error.row for error in errors) == wrong
    assert all(error.suggested == truth[error.row] for error in errors)
    assert [error.score for error in errors] == sorted((error.score for error in errors), reverse=True)


def test_true_labels_are_left_alone() -> None:
    assert not score(*make_features(16)).errors()


def test_both_ways_to_fit_the_head_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = make_features(64)
    rows = FeatureRows([FeatureFile.of(features[:, None])])
    by_features = head_probabilities(rows, labels, CLASSES, seed=0)
    monkeypatch.setattr(FeatureRows, "__len__", lambda self: 0)
    by_kernel = head_probabilities(rows, labels, CLASSES, seed=0)

    assert torch.allclose(by_features, by_kernel, atol=1e-4)


def test_a_class_of_one_photo_is_judged_by_nobody() -> None:
    features, labels = make_features(16)
    labels = labels.clone()
    labels[labels == 2] = 1
    labels[0] = 2

    assert 0 not in [error.row for error in score(features, labels).errors()]


def test_features_in_several_files_are_one_set() -> None:
    features, labels = make_features(16)
    files = [FeatureFile.of(features[:50, None]), FeatureFile(), FeatureFile.of(features[50:, None])]
    one, several = FeatureRows([FeatureFile.of(features[:, None])]), FeatureRows(files)

    votes = [find_neighbours(rows, labels, CLASSES).votes for rows in (one, several)]
    assert torch.allclose(*votes, atol=1e-5)
