"""EfficientNet-Lite0: the backbone whose ImageNet weights a Python package ships.

Tensor names are those of that package's file, so that it loads without a translation. The shape is the
one of https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: no squeeze-and-excite,
ReLU6, BatchNorm eps 1e-3, and TensorFlow's SAME padding, which puts the odd pixel at the end.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional


class _Stage(NamedTuple):
    expand_ratio: int
    kernel: int
    stride: int
    inputs: int
    outputs: int
    repeats: int


_STAGES = [
    _Stage(1, 3, 1, 32, 16, 1),
    _Stage(6, 3, 2, 16, 24, 2),
    _Stage(6, 5, 2, 24, 40, 2),
    _Stage(6, 3, 2, 40, 80, 3),
    _Stage(6, 5, 1, 80, 112, 3),
    _Stage(6, 5, 2, 112, 192, 4),
    _Stage(6, 3, 1, 192, 320, 1),
]
_FEATURES = 1280


def _same_padding(kernel: int, stride: int) -> tuple[int, nn.Module]:
    """TensorFlow's SAME for sides that the stride divides: what a convolution can pad, and what it cannot."""
    before, odd = divmod(kernel - stride, 2)
    # Padding by itself copies the whole image, so only where it is wider at the end.
    return (0, nn.ZeroPad2d((before, before + 1, before, before + 1))) if odd else (before, nn.Identity())


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, expand_ratio: int, kernel: int, stride: int, inputs: int, outputs: int) -> None:
        super().__init__()
        width = inputs * expand_ratio
        self._widens = expand_ratio != 1
        self._adds_input = stride == 1 and inputs == outputs
        if self._widens:
            self._expand_conv = nn.Conv2d(inputs, width, 1, bias=False)
            self._bn0 = _batch_norm(width)
        padding, self._pad = _same_padding(kernel, stride)
        self._depthwise_conv = nn.Conv2d(width, width, kernel, stride, padding, groups=width, bias=False)
        self._bn1 = _batch_norm(width)
        self._project_conv = nn.Conv2d(width, outputs, 1, bias=False)
        self._bn2 = _batch_norm(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x
        if self._widens:
            y = functional.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = functional.relu6(self._bn1(self._depthwise_conv(self._pad(y))), inplace=True)
        y = self._bn2(self._project_conv(y))
        return torch.add(x, y) if self._adds_input else y


class EfficientNetLite0(nn.Module):
    """Images (N, 3, side, side), side a multiple of 32, to logits (N, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        padding, self._pad = _same_padding(3, 2)
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, padding, bias=False)
        self._bn0 = _batch_norm(32)
        self._blocks = nn.Sequential(*_blocks())
        self._conv_head = nn.Conv2d(_STAGES[-1].outputs, _FEATURES, 1, bias=False)
        self._bn1 = _batch_norm(_FEATURES)
        self._fc = nn.Linear(_FEATURES, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu6(self._bn0(self._conv_stem(self._pad(x))), inplace=True)
        x = self._blocks(x)
        x = functional.relu6(self._bn1(self._conv_head(x)), inplace=True)
        logits: torch.Tensor = self._fc(x.mean((2, 3)))
        return logits


def _blocks() -> list[_Block]:
    blocks = []
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            first = repeat == 0
            blocks.append(
                _Block(
                    stage.expand_ratio,
                    stage.kernel,
                    stage.stride if first else 1,
                    stage.inputs if first else stage.outputs,
                    stage.outputs,
                )
            )
    return blocks
