"""Labels that are probably wrong: confident learning on two kinds of out-of-fold probabilities.

Northcutt, Jiang and Chuang, Confident Learning, https://arxiv.org/abs/1911.00068: a class's threshold is the
mean probability that its photos get for it (equation 2). A photo whose own class gets far less than that,
and less than another class, is probably of that other one. The ranking by the share of the threshold, the
agreement with the neighbours, and the constants were chosen by measurement: benchmarks/trust.py.
"""

from dataclasses import dataclass

import torch

# The share of its class's threshold below which a label is called wrong.
_WRONG_BELOW = 0.18
# What a class gets that has no vote, divided by the classes: few neighbours must not rule one out.
_FLOOR = 0.1
# Large classes have more photos near any photo: votes count the less, by this power of the class's share.
_BALANCE = 0.25


@dataclass(frozen=True)
class LabelError:
    """A photo's row, the class that it probably is of, and how sure that is (0 to 1)."""

    row: int
    suggested: int
    score: float


@dataclass(frozen=True)
class LabelScores:
    """For each photo: how far its label is in doubt (N,), the likeliest other class (N,), and the verdict.

    `probabilities` (N, classes) are what it comes from.
    """

    doubt: torch.Tensor
    suggested: torch.Tensor
    wrong: torch.Tensor
    probabilities: torch.Tensor

    def errors(self) -> list[LabelError]:
        """The labels that are probably wrong, the surest first."""
        rows = self.wrong.nonzero().flatten()
        rows = rows[self.doubt[rows].argsort(descending=True, stable=True)]
        return [LabelError(row, int(self.suggested[row]), float(self.doubt[row])) for row in rows.tolist()]


def score_labels(by_head: torch.Tensor, by_neighbours: torch.Tensor, labels: torch.Tensor) -> LabelScores:
    """From probabilities (N, classes) by a head and by neighbours that did not know the photo's label."""
    class_count = by_head.shape[1]
    floor = _FLOOR / class_count
    # The geometric mean of both: a class has to convince the one and the other.
    mean_log = ((by_head + floor).log() + (by_neighbours + floor).log()) / 2
    counts = torch.bincount(labels, minlength=class_count).clamp_min(1)
    probabilities = (mean_log - _BALANCE * (counts / len(labels)).log()).softmax(1)
    own = probabilities.gather(1, labels[:, None])[:, 0]
    totals = torch.zeros(class_count).index_add_(0, labels, own)
    thresholds = totals / counts
    share = own / thresholds[labels]
    others = probabilities.scatter(1, labels[:, None], -1.0)
    best, suggested = others.max(1)
    return LabelScores(
        (1 - share).clamp_min(0), suggested, (share < _WRONG_BELOW) & (best > own), probabilities
    )
