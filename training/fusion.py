"""Folds BatchNorm into the convolution before it: fewer passes over the same numbers, the same result."""

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse


def fold_norms(network: nn.Module) -> nn.Module:
    """A copy for inference, equal to the network in eval mode up to the rounding of float32."""
    folded: nn.Module = fuse(network)
    return folded.to(memory_format=torch.channels_last)
