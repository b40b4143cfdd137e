"""Which labels the photos have that are most alike in features, and how alike they are."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from training.doctor.feature_rows import FeatureRows

_NEIGHBOURS = 30
_TEMPERATURE = 0.15
# Photos that all others are compared with: of more, so many spread over them.
_MAX_REFERENCES = 4_000


@dataclass(frozen=True)
class Neighbours:
    """For each photo the votes (N, classes) of its neighbours, and the mean of their cosines (N,)."""

    votes: torch.Tensor
    likeness: torch.Tensor


def find_neighbours(rows: FeatureRows, labels: torch.Tensor, class_count: int) -> Neighbours:
    """By cosine; the nearer a neighbour, the more its vote counts. No photo is its own neighbour."""
    step = -(-len(rows) // _MAX_REFERENCES)
    numbers = torch.arange(0, len(rows), step)
    references = rows.take(numbers)
    said = functional.one_hot(labels[numbers], class_count).float()
    votes, likeness = torch.zeros(len(rows), class_count), torch.zeros(len(rows))
    count = min(_NEIGHBOURS, len(numbers) - 1)
    for place, chunk in rows.chunks():
        cosines = chunk @ references.T
        cosines[numbers[None] == torch.arange(place.start, place.stop)[:, None]] = -1
        nearest, which = cosines.topk(count, 1)
        weights = (nearest / _TEMPERATURE).softmax(1)
        votes[place] = torch.einsum("nk,nkc->nc", weights, said[which])
        likeness[place] = nearest.mean(1)
    return Neighbours(votes, likeness)
