"""The last blocks of the backbone, trained on with the head once that has converged on frozen features."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from training.data.augmentation import make_views
from training.data.dataset import Photo
from training.data.preprocessing import Pixels
from training.features.extraction import compute_features
from training.features.preparation import PreparedBackbone
from training.job.torch_threads import all_threads
from training.models.adamw import AdamW
from training.models.backbones import blocks_of
from training.models.head import Epoch, TrainedHead, class_weights
from training.models.lr_schedule import epoch_generator, learning_rate
from training.models.torch_network import to_tensor
from training.settings import Settings

_STATE = "fine-tuning"
_WARMUP_EPOCHS = 1
# Enough kinds of crops that a photo seldom looks the same twice.
_VIEWS = 8
# Batches decoded ahead of the one that is learned from.
_AHEAD = 2


def fine_tune(
    prepared: PreparedBackbone,
    photos: dict[str, list[Photo]],
    settings: Settings,
    trained: TrainedHead,
    on_epoch: Callable[[Epoch], None],
) -> TrainedHead:
    """Train the last blocks and the head of `prepared.network` in place, and leave its best epoch in it.

    `trained` is the head, in its place already: where no epoch here has a lower validation loss than it had,
    the network is left as it came. The training loss of these epochs is that of the augmented photos, with
    smoothing and weights. Raises StoppedError when the run is told to stop; the last whole epoch is saved.
    """
    run = prepared.run
    checkpoints = run.session.checkpoints
    tuning = _Tuning(prepared, photos, settings, trained)
    state = checkpoints.load(_STATE)
    if state is not None:
        tuning.restore(state)
    with all_threads(run.threads):
        while len(tuning.history) < settings.tuning.epochs:
            on_epoch(tuning.run_epoch())
            if checkpoints.enabled:
                checkpoints.save(_STATE, tuning.state())
            run.session.stop.check()
    return tuning.finish()


class _Tuning:
    def __init__(
        self,
        prepared: PreparedBackbone,
        photos: dict[str, list[Photo]],
        settings: Settings,
        trained: TrainedHead,
    ) -> None:
        self._network, self._device, self._run = prepared.network, prepared.device, prepared.run
        self._validation = prepared.in_torch()
        self._photos, self._trained = photos, trained
        self._head, self._settings = settings.head, settings.tuning
        self._first_epoch = len(trained.history) + 1
        self._blocks = blocks_of(self._network, settings.backbone)[-settings.tuning.blocks :]
        _unfreeze_from(self._network, self._blocks[0])
        labels = torch.tensor([photo.label for photo in photos["train"]])
        weights = class_weights(labels, trained.layer.out_features, settings.head.class_weights)
        self._weights = weights.to(self._device) if weights is not None else None
        self._optimizer = AdamW(
            (weight for weight in self._network.parameters() if weight.requires_grad),
            settings.head.weight_decay,
        )
        self.history: list[Epoch] = []
        self._best_epoch = trained.best_epoch
        self._best_loss = trained.history[trained.best_epoch - 1].valid_loss
        self._best = self._network_state()

    def run_epoch(self) -> Epoch:
        number = len(self.history)
        loss, accuracy = self._learn(number)
        valid = self._validate()
        epoch = Epoch(self._first_epoch + number, loss, accuracy, *valid)
        if epoch.valid_loss < self._best_loss:
            self._best_epoch, self._best_loss = epoch.epoch, epoch.valid_loss
            self._best = self._network_state()
        self.history.append(epoch)
        return epoch

    def finish(self) -> TrainedHead:
        self._network.load_state_dict(self._best, strict=False)
        self._network.eval().requires_grad_(False)
        return replace(
            self._trained,
            history=self._trained.history + self.history,
            best_epoch=self._best_epoch,
            backbone_tuned=self._best_epoch >= self._first_epoch,
        )

    def state(self) -> dict[str, Any]:
        return {
            "network": self._network_state(),
            "optimizer": self._optimizer.state_dict(),
            "history": [epoch.figures() for epoch in self.history],
            "best_epoch": self._best_epoch,
            "best_loss": self._best_loss,
            "best": self._best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._network.load_state_dict(state["network"], strict=False)
        self._optimizer.load_state_dict(state["optimizer"])
        self.history = [Epoch(**figures) for figures in state["history"]]
        self._best_epoch, self._best_loss, self._best = state["best_epoch"], state["best_loss"], state["best"]

    def _learn(self, number: int) -> tuple[float, float]:
        """Mean loss and accuracy over the epoch, measured while the network changes."""
        head, settings, network = self._head, self._settings, self._network
        self._set_modes()
        random = epoch_generator(head.seed, self._first_epoch + number)
        # Dropout draws from torch's own numbers.
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=random)))
        order = torch.randperm(len(self._photos["train"]), generator=random).tolist()
        views = torch.randint(_VIEWS, (len(order),), generator=random).tolist()
        items = [(self._photos["train"][row], view) for row, view in zip(order, views, strict=True)]
        size = settings.batch_size
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        loss_sum, right = 0.0, 0
        for index, (pixels, batch) in enumerate(self._decoded(batches)):
            self._run.session.stop.check()
            rate = learning_rate(
                settings.learning_rate,
                progress=number + index / len(batches),
                warmup=_WARMUP_EPOCHS,
                epochs=settings.epochs,
            )
            labels = torch.tensor([photo.label for photo, _ in batch], device=self._device)
            logits = network(to_tensor(pixels, self._run.preprocessing, self._device))
            loss = functional.cross_entropy(
                logits, labels, self._weights, label_smoothing=head.label_smoothing
            )
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step(rate)
            loss_sum += loss.item() * len(batch)
            right += int((logits.argmax(1) == labels).sum())
        return loss_sum / len(order), right / len(order)

    def _decoded(
        self, batches: list[list[tuple[Photo, int]]]
    ) -> Iterator[tuple[list[Pixels], list[tuple[Photo, int]]]]:
        """Each batch with its pixels; further ones are decoded while the network learns."""
        run = self._run

        def decode(item: tuple[Photo, int]) -> Pixels:
            photo, number = item
            view = make_views(_VIEWS, photo.sha256, run.seed)[number]
            return run.preprocessing.decode_views(run.source.read(photo.name), [view])[0]

        with ThreadPoolExecutor(run.threads) as pool:
            waiting = [pool.map(decode, batch) for batch in batches[:_AHEAD]]
            for index, batch in enumerate(batches):
                pixels = list(waiting.pop(0))
                if index + _AHEAD < len(batches):
                    waiting.append(pool.map(decode, batches[index + _AHEAD]))
                yield pixels, batch

    def _validate(self) -> tuple[float, float]:
        self._network.eval()
        valid = compute_features(self._validation, self._photos["valid"])
        logits, labels = valid.outputs, valid.labels
        accuracy = (logits.argmax(1) == labels).float().mean().item()
        return functional.cross_entropy(logits, labels).item(), accuracy

    def _set_modes(self) -> None:
        """Training mode for what learns; the frozen part's BatchNorm keeps the statistics it came with."""
        self._network.eval()
        for block in self._blocks:
            block.train()
        for module in self._network.modules():
            if any(weight.requires_grad for weight in module.parameters(recurse=False)):
                module.training = True

    def _network_state(self) -> dict[str, torch.Tensor]:
        """Copies of the weights and BatchNorm statistics that this tuning can change."""
        changing = {
            name
            for name, module in self._network.named_modules()
            if any(weight.requires_grad for weight in module.parameters(recurse=False))
        }
        return {
            name: tensor.detach().cpu().clone()
            for name, tensor in self._network.state_dict().items()
            if name.rpartition(".")[0] in changing
        }


def _unfreeze_from(network: nn.Module, block: nn.Module) -> None:
    """Let learn what stands in the block and behind it: weights are listed in the order of their use."""
    first = next(block.parameters())
    learns = False
    for weight in network.parameters():
        learns = learns or weight is first
        weight.requires_grad_(learns)
