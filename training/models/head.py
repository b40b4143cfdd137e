"""The linear head: trained on cached features, stopped when validation no longer gains."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training.features.feature_file import FeatureFile
from training.features.standardising import mean_and_deviation
from training.job.checkpoints import Session
from training.models.adamw import AdamW
from training.models.lr_schedule import epoch_generator, learning_rate
from training.settings import HeadSettings

# Epochs without a better validation loss before training stops.
PATIENCE = 10
_STATE = "head"


@dataclass(frozen=True)
class Epoch:
    """Figures after an epoch; losses are cross-entropy without label smoothing and class weights."""

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
    """A linear layer, its history, and the epoch (from 1) that it comes from.

    It takes the features of the backbone as it came, or of the one that was tuned together with it.
    """

    layer: nn.Linear
    history: list[Epoch]
    best_epoch: int
    backbone_tuned: bool = False


@dataclass(frozen=True)
class Labelled:
    """Features (N, views, width) and their class indices (N,)."""

    features: FeatureFile
    labels: torch.Tensor


@dataclass(frozen=True)
class HeadData:
    """What the head learns from, what decides when to stop, and the number of classes."""

    train: Labelled
    valid: Labelled
    class_count: int


def train_head(
    data: HeadData,
    settings: HeadSettings,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    session: Session | None = None,
) -> TrainedHead:
    """Train on cached features, going on from a saved state; keeps the epoch with the lowest validation loss.

    The head learns on standardised features, which lets one learning rate suit every backbone; mean and
    deviation are folded into the layer afterwards, so that it takes the backbone's output as it is.
    Raises StoppedError, after saving, when the run is told to stop.
    """
    session = session or Session()
    checkpoints = session.checkpoints
    training = _Training(data, settings)
    state = checkpoints.load(_STATE)
    if state is not None:
        training.restore(state)
    while training.goes_on() and not session.stop.requested:
        on_epoch(training.run_epoch())
        if checkpoints.due():
            checkpoints.save(_STATE, training.state())
    checkpoints.save(_STATE, training.state())
    session.stop.check()
    return training.finish()


def class_weights(labels: torch.Tensor, class_count: int, kind: str) -> torch.Tensor | None:
    """Weights (classes,) by which every class counts as much as any other; None for `none`."""
    if kind == "none":
        return None
    counts = torch.bincount(labels, minlength=class_count).clamp_min(1)
    return len(labels) / (class_count * counts)


class _Training:
    """What changes from epoch to epoch. Random numbers come from seed and epoch, so none are kept."""

    def __init__(self, data: HeadData, settings: HeadSettings) -> None:
        self._train, self._valid, self._settings = data.train, data.valid, settings
        self._mean, self._deviation = _measure_features(data.train.features)
        self._weights = class_weights(data.train.labels, data.class_count, settings.class_weights)
        self._layer = nn.Linear(data.train.features.width, data.class_count)
        nn.init.zeros_(self._layer.weight)
        nn.init.zeros_(self._layer.bias)
        self._optimizer = AdamW(self._layer.parameters(), settings.weight_decay)
        self._history: list[Epoch] = []
        self._best_epoch, self._best = 0, _copy(self._layer)

    def goes_on(self) -> bool:
        done = len(self._history)
        return done < self._settings.epochs and done - self._best_epoch < PATIENCE

    def run_epoch(self) -> Epoch:
        number = len(self._history) + 1
        self._learn(number)
        epoch = self._measure(number)
        if not self._history or epoch.valid_loss < self._history[self._best_epoch - 1].valid_loss:
            self._best_epoch, self._best = number, _copy(self._layer)
        self._history.append(epoch)
        return epoch

    def finish(self) -> TrainedHead:
        self._layer.load_state_dict(self._best)
        return TrainedHead(_fold(self._layer, self._mean, self._deviation), self._history, self._best_epoch)

    def state(self) -> dict[str, Any]:
        return {
            "layer": self._layer.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "history": [epoch.figures() for epoch in self._history],
            "best_epoch": self._best_epoch,
            "best": self._best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._layer.load_state_dict(state["layer"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._history = [Epoch(**figures) for figures in state["history"]]
        self._best_epoch, self._best = state["best_epoch"], state["best"]

    def _learn(self, number: int) -> None:
        settings, features, labels = self._settings, self._train.features, self._train.labels
        random = epoch_generator(settings.seed, number)
        batches = torch.randperm(len(labels), generator=random).split(settings.batch_size)  # type: ignore[no-untyped-call]
        for index, rows in enumerate(batches):
            rate = learning_rate(
                settings.learning_rate,
                progress=number - 1 + index / len(batches),
                warmup=settings.warmup_epochs,
                epochs=settings.epochs,
            )
            views = torch.randint(features.views, (len(rows),), generator=random)
            loss = functional.cross_entropy(
                self._layer(self._standardise(features.gather(rows, views))),
                labels[rows],
                self._weights,
                label_smoothing=settings.label_smoothing,
            )
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step(rate)

    @torch.inference_mode()
    def _measure(self, number: int) -> Epoch:
        figures = []
        for data in (self._train, self._valid):
            logits = torch.cat(
                [self._layer(self._standardise(chunk[:, 0])) for chunk in data.features.chunks()]
            )
            loss = functional.cross_entropy(logits, data.labels).item()
            figures += [loss, (logits.argmax(1) == data.labels).float().mean().item()]
        return Epoch(number, *figures)

    def _standardise(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self._mean) / self._deviation


def _measure_features(features: FeatureFile) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of each feature over all rows and views."""
    return mean_and_deviation(lambda: (chunk.flatten(0, 1) for chunk in features.chunks()), features.width)


def _copy(layer: nn.Linear) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in layer.state_dict().items()}


@torch.no_grad()
def _fold(layer: nn.Linear, mean: torch.Tensor, deviation: torch.Tensor) -> nn.Linear:
    """The layer that gives on raw features what `layer` gives on standardised ones."""
    folded = nn.Linear(layer.in_features, layer.out_features)
    weight = layer.weight / deviation
    folded.weight.copy_(weight)
    folded.bias.copy_(layer.bias - weight @ mean)
    return folded
