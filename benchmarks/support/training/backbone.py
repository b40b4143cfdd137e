"""EfficientNet-Lite0 with its ImageNet weights, for the peers: the very network that training starts from."""

from pathlib import Path

import torch
from torch import nn

from training.models.efficientnet_lite0 import EfficientNetLite0

NAME = "efficientnet_lite0"
SIDE = 224
# Lite0 takes values of -1..1, as training/models/backbones.py says.
MEAN, DEVIATION = 0.5, 0.5


def build_backbone(weights: Path | None = None) -> nn.Module:
    """The whole network in eval mode; without a weights file as torch makes it at random."""
    network: nn.Module = EfficientNetLite0()
    if weights is not None:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()


def replace_last_linear(network: nn.Module, head: nn.Module) -> int:
    """Put `head` where the network's last linear layer is; gives how many features it takes."""
    name, old = [(name, part) for name, part in network.named_modules() if isinstance(part, nn.Linear)][-1]
    parent_name, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent_name), attribute, head)
    return old.in_features
