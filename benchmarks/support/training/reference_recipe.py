"""The reference recipe: what the course project that users come from does, on the backbone given to it.

A frozen backbone, left in train mode, is run over every image of every epoch, two images at a time;
RandomResizedCrop and flip for training, Resize for the rest, no Normalize; the head is
Linear-ReLU-Linear with 128 hidden units, trained by Adam at 1e-4; torch keeps its default threads.
`--corrected` gives it what it lacks for accuracy: Normalize, and BatchNorm that stays frozen.
"""

import time

_STARTED = time.perf_counter()

import argparse  # noqa: E402 - the imports are a part of what is timed
import json  # noqa: E402
from pathlib import Path  # noqa: E402

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402
from torchvision import transforms  # noqa: E402
from torchvision.datasets import ImageFolder  # noqa: E402

from benchmarks.support.training.backbone import DEVIATION, MEAN, SIDE, build_backbone, replace_last_linear  # noqa: E402

BATCH = 2
HIDDEN = 128
LEARNING_RATE = 1e-4
_IMPORTED = time.perf_counter()


def main() -> None:
    """Train, evaluate, save; the figures go to `--figures` as JSON."""
    options = _options()
    torch.manual_seed(options.seed)
    loaders = _loaders(options.photos, options.corrected)
    network, head = _build(options.weights, len(loaders["train"].dataset.classes))  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
    setup_s = time.perf_counter() - _IMPORTED
    epochs = []
    for _ in range(options.epochs):
        train_s = _train_epoch(network, optimizer, loaders["train"], options.corrected)
        valid_accuracy, valid_s = _accuracy(network, loaders["valid"])
        epoch = {"train_s": train_s, "valid_s": valid_s, "valid_accuracy": valid_accuracy}
        if options.test_every_epoch:
            epoch["test_accuracy"] = _accuracy(network, loaders["test"])[0]
        epochs.append(epoch)
    accuracy, test_s = _accuracy(network, loaders["test"])
    started = time.perf_counter()
    torch.save(network.state_dict(), options.figures.with_name("model.pth"))
    ended = time.perf_counter()
    seconds = {
        "imports": _IMPORTED - _STARTED,
        "setup": setup_s,
        "train": sum(epoch["train_s"] for epoch in epochs),
        "valid": sum(epoch["valid_s"] for epoch in epochs),
        "test": test_s,
        "save": ended - started,
        "total_without_imports": ended - _IMPORTED,
    }
    figures = {"accuracy": accuracy, "seconds": seconds, "epochs": epochs, "threads": torch.get_num_threads()}
    options.figures.write_text(json.dumps(figures), "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder with train, valid and test")
    parser.add_argument("--weights", type=Path, required=True, help="the backbone's state dict")
    parser.add_argument("--figures", type=Path, required=True, help="model.pth is saved beside it")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corrected", action="store_true", help="Normalize, and BatchNorm frozen")
    parser.add_argument("--test-every-epoch", action="store_true", help="not counted in any time")
    return parser.parse_args()


def _loaders(photos: Path, corrected: bool) -> dict[str, DataLoader[tuple[torch.Tensor, torch.Tensor]]]:
    normalize = [transforms.Normalize([MEAN] * 3, [DEVIATION] * 3)] if corrected else []
    random_views = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIDE),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            *normalize,
        ]
    )
    whole = transforms.Compose([transforms.Resize((SIDE, SIDE)), transforms.ToTensor(), *normalize])
    views = {"train": random_views, "valid": whole, "test": whole}
    return {
        split: DataLoader(ImageFolder(str(photos / split), view), BATCH, shuffle=split == "train")
        for split, view in views.items()
    }


def _build(weights: Path, classes: int) -> tuple[nn.Module, nn.Module]:
    network = build_backbone(weights).requires_grad_(requires_grad=False)
    width = replace_last_linear(network, nn.Identity())
    head = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))
    return nn.Sequential(network, head), head


def _train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: DataLoader[tuple[torch.Tensor, torch.Tensor]],
    frozen_norms: bool,
) -> float:
    """Seconds of one epoch."""
    started = time.perf_counter()
    network.train(not frozen_norms)
    for images, labels in loader:
        loss = nn.functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    return time.perf_counter() - started


@torch.no_grad()
def _accuracy(
    network: nn.Module, loader: DataLoader[tuple[torch.Tensor, torch.Tensor]]
) -> tuple[float, float]:
    """Share of photos that are right, and the seconds that it took."""
    started = time.perf_counter()
    network.eval()
    right, count = 0, 0
    for images, labels in loader:
        right += int((network(images).argmax(1) == labels).sum())
        count += len(labels)
    return right / count, time.perf_counter() - started


if __name__ == "__main__":
    main()
