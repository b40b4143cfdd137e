"""Figures of a classifier on labelled photos, from its raw scores."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Evaluation:
    """Accuracies in 0..1, loss as cross-entropy; the matrix: a row a true class, a column a predicted one."""

    accuracy: float
    top5_accuracy: float
    loss: float
    min_support: int
    per_class: list[dict[str, Any]]
    confusion_matrix: list[list[int]]


def evaluate(logits: torch.Tensor, labels: torch.Tensor, classes: list[str]) -> Evaluation:
    """Evaluate scores (N, classes) against class indices (N,), N at least 1."""
    count = len(classes)
    predicted = logits.argmax(1)
    matrix = torch.bincount(labels * count + predicted, minlength=count * count).view(count, count)
    ranked = logits.topk(min(5, count), dim=1).indices
    return Evaluation(
        accuracy=(predicted == labels).double().mean().item(),
        top5_accuracy=(ranked == labels[:, None]).any(1).double().mean().item(),
        loss=functional.cross_entropy(logits, labels).item(),
        min_support=int(matrix.sum(1).min()),
        per_class=[_class_figures(label, name, matrix) for label, name in enumerate(classes)],
        confusion_matrix=matrix.tolist(),
    )


def _class_figures(label: int, name: str, matrix: torch.Tensor) -> dict[str, Any]:
    """Precision, recall and F1 of one class; 0 where the ratio has no photos to count, as is usual."""
    hits = int(matrix[label, label])
    predicted, support = int(matrix[:, label].sum()), int(matrix[label].sum())
    precision = hits / predicted if predicted else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return {"label": name, "precision": precision, "recall": recall, "f1": f1, "support": support}
