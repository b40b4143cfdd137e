"""A weights file that knows nothing: random values, and BatchNorm told the photos' own statistics.

Without that one look at the photos a random network gives nearly the same features for all of them,
and the comparison with pretrained weights would flatter the latter.
"""

import argparse
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.support.training.backbone import DEVIATION, MEAN, SIDE, build_backbone

_BATCH = 32


def main() -> None:
    """Write the state dict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="the folder of the train photos")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    network = build_backbone().train()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = None  # a plain mean over all batches
    views = transforms.Compose(
        [transforms.Resize((SIDE, SIDE)), transforms.ToTensor(), transforms.Normalize([MEAN], [DEVIATION])]
    )
    with torch.no_grad():
        for images, _ in DataLoader(ImageFolder(str(options.photos), views), _BATCH, shuffle=True):
            network(images)
    torch.save(network.state_dict(), options.to)


if __name__ == "__main__":
    main()
