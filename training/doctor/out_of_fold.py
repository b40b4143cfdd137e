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
    heads, base = _fit_heads(rows, labels, folds, class_count)
    scores = torch.empty(len(labels), class_count)
    for place, chunk in rows.chunks():
        fold = folds[place]
        for number in range(_FOLDS):
            own = fold == number
            scores[place][own] = chunk[own] @ heads[number] + base[number]
    return (scores / _TEMPERATURE).softmax(1)


def _draw_folds(labels: torch.Tensor, seed: int) -> torch.Tensor:
    """A fold for each photo, each class spread over all of them."""
    random = torch.Generator().manual_seed(seed)
    folds = torch.empty(len(labels), dtype=torch.long)
    for label in range(int(labels.max()) + 1):
        own = (labels == label).nonzero().flatten()
        folds[own[torch.randperm(len(own), generator=random)]] = torch.arange(len(own)) % _FOLDS
    return folds


def _fit_heads(
    rows: FeatureRows, labels: torch.Tensor, folds: torch.Tensor, class_count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """For each fold, weights (folds, width, classes) and class shares (folds, classes) of all the others."""
    products = torch.zeros(_FOLDS, rows.width, rows.width)
    targets = torch.zeros(_FOLDS, rows.width, class_count)
    sums = torch.zeros(_FOLDS, rows.width)
    counts = torch.zeros(_FOLDS, class_count)
    for place, chunk in rows.chunks():
        truth = functional.one_hot(labels[place], class_count).float()
        for number in range(_FOLDS):
            own = folds[place] == number
            part, said = chunk[own], truth[own]
            products[number].addmm_(part.T, part)
            targets[number].addmm_(part.T, said)
            sums[number] += part.sum(0)
            counts[number] += said.sum(0)
    heads, shares = [], []
    for number in range(_FOLDS):
        seen = counts.sum(0) - counts[number]
        share = seen / seen.sum().clamp_min(1)
        target = targets.sum(0) - targets[number] - torch.outer(sums.sum(0) - sums[number], share)
        product = products.sum(0) - products[number]
        product.diagonal().add_(_PENALTY)
        heads.append(torch.cholesky_solve(target, torch.linalg.cholesky(product)))
        shares.append(share)
    return torch.stack(heads), torch.stack(shares)
