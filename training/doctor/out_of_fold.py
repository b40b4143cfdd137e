"""What a linear head says of each photo that learned from the others: ridge regression, in closed form."""

import torch
from torch.nn import functional

from training.doctor.feature_rows import FeatureRows

_FOLDS = 5
_PENALTY = 1.0
# Regression scores lie about 0 and 1; this spreads them as probabilities that fit.
_TEMPERATURE = 0.1


def head_probabilities(rows: FeatureRows, labels: torch.Tensor, class_count: int, seed: int) -> torch.Tensor:
    """Probabilities (N, classes) by heads that did not see the photo."""
    folds = _draw_folds(labels, seed)
    score = _score_by_kernel if len(rows) < rows.width else _score_by_features
    return (score(rows, functional.one_hot(labels, class_count).float(), folds) / _TEMPERATURE).softmax(1)


def _draw_folds(labels: torch.Tensor, seed: int) -> torch.Tensor:
    """A fold for each photo, each class spread over all of them."""
    random = torch.Generator().manual_seed(seed)
    folds = torch.empty(len(labels), dtype=torch.long)
    for label in range(int(labels.max()) + 1):
        own = (labels == label).nonzero().flatten()
        folds[own[torch.randperm(len(own), generator=random)]] = torch.arange(len(own)) % _FOLDS
    return folds


def _score_by_kernel(rows: FeatureRows, truth: torch.Tensor, folds: torch.Tensor) -> torch.Tensor:
    """The same heads as by features, through the products (N, N) of the photos: fewer than features."""
    features = torch.cat([chunk for _, chunk in rows.chunks()])
    kernel = features @ features.T
    scores = torch.empty_like(truth)
    for number in range(_FOLDS):
        own, others = folds == number, folds != number
        share = truth[others].mean(0)
        weights = _solve(kernel[others][:, others], truth[others] - share)
        scores[own] = kernel[own][:, others] @ weights + share
    return scores


def _score_by_features(rows: FeatureRows, truth: torch.Tensor, folds: torch.Tensor) -> torch.Tensor:
    """For each fold a head of what all the others sum up to; the features pass by twice, in chunks."""
    class_count = truth.shape[1]
    products = torch.zeros(_FOLDS, rows.width, rows.width)
    targets = torch.zeros(_FOLDS, rows.width, class_count)
    sums = torch.zeros(_FOLDS, rows.width)
    for place, chunk in rows.chunks():
        for number in range(_FOLDS):
            own = folds[place] == number
            part = chunk[own]
            products[number].addmm_(part.T, part)
            targets[number].addmm_(part.T, truth[place][own])
            sums[number] += part.sum(0)
    scores = torch.empty_like(truth)
    for number in range(_FOLDS):
        share = truth[folds != number].mean(0)
        target = targets.sum(0) - targets[number] - torch.outer(sums.sum(0) - sums[number], share)
        head = _solve(products.sum(0) - products[number], target)
        for place, chunk in rows.chunks():
            own = folds[place] == number
            scores[place][own] = chunk[own] @ head + share
    return scores


def _solve(products: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    penalised = products + _PENALTY * torch.eye(len(products))
    return torch.cholesky_solve(targets, torch.linalg.cholesky(penalised))
