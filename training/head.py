"""The linear head: trained on cached features, stopped when validation no longer gains."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional

# Epochs without a better validation loss before training stops.
PATIENCE = 10


@dataclass(frozen=True)
class HeadSettings:
    """Hyperparameters of the head; the optimiser is AdamW."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    seed: int


@dataclass(frozen=True)
class Epoch:
    """Figures after an epoch; losses are cross-entropy without label smoothing."""

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float

    def figures(self) -> dict[str, float]:
        """As metrics.json has them."""
        return asdict(self)


@dataclass(frozen=True)
class TrainedHead:
    """A linear layer for raw features, its history, and the epoch (from 1) that it comes from."""

    layer: nn.Linear
    history: list[Epoch]
    best_epoch: int


Labelled = tuple[torch.Tensor, torch.Tensor]


def train_head(
    train: Labelled,
    valid: Labelled,
    class_count: int,
    settings: HeadSettings,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> TrainedHead:
    """Train on features (N, width) with labels (N,); keeps the epoch with the lowest validation loss.

    The head learns on standardised features, which lets one learning rate suit every backbone; mean and
    deviation are folded into the layer afterwards, so that it takes the backbone's output as it is.
    """
    features, labels = train
    mean, deviation = features.mean(0), features.std(0).clamp_min(1e-3)
    train = ((features - mean) / deviation, labels)
    valid = ((valid[0] - mean) / deviation, valid[1])
    layer = nn.Linear(features.shape[1], class_count)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(
        layer.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    order = torch.Generator().manual_seed(settings.seed)
    history: list[Epoch] = []
    best = _Best(layer)
    for number in range(1, settings.epochs + 1):
        _train_epoch(layer, optimizer, train, settings, order)
        epoch = _measure(number, layer, train, valid)
        history.append(epoch)
        on_epoch(epoch)
        best.offer(epoch, layer)
        if number - best.epoch >= PATIENCE:
            break
    layer.load_state_dict(best.state)
    return TrainedHead(_fold(layer, mean, deviation), history, best.epoch)


class _Best:
    """The epoch with the lowest validation loss so far; the earlier one where two are equal."""

    def __init__(self, layer: nn.Linear) -> None:
        self.epoch = 0
        self.loss = float("inf")
        self.state = _copy(layer)

    def offer(self, epoch: Epoch, layer: nn.Linear) -> None:
        if epoch.valid_loss < self.loss:
            self.epoch, self.loss, self.state = epoch.epoch, epoch.valid_loss, _copy(layer)


def _copy(layer: nn.Linear) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in layer.state_dict().items()}


def _train_epoch(
    layer: nn.Linear,
    optimizer: torch.optim.Optimizer,
    train: Labelled,
    settings: HeadSettings,
    order: torch.Generator,
) -> None:
    features, labels = train
    for rows in torch.randperm(len(labels), generator=order).split(settings.batch_size):  # type: ignore[no-untyped-call]
        loss = functional.cross_entropy(
            layer(features[rows]), labels[rows], label_smoothing=settings.label_smoothing
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()


@torch.inference_mode()
def _measure(number: int, layer: nn.Linear, train: Labelled, valid: Labelled) -> Epoch:
    figures = []
    for features, labels in (train, valid):
        logits = layer(features)
        loss = functional.cross_entropy(logits, labels).item()
        figures += [loss, (logits.argmax(1) == labels).float().mean().item()]
    return Epoch(number, *figures)


@torch.no_grad()
def _fold(layer: nn.Linear, mean: torch.Tensor, deviation: torch.Tensor) -> nn.Linear:
    """The layer that gives on raw features what `layer` gives on standardised ones."""
    folded = nn.Linear(layer.in_features, layer.out_features)
    weight = layer.weight / deviation
    folded.weight.copy_(weight)
    folded.bias.copy_(layer.bias - weight @ mean)
    return folded
