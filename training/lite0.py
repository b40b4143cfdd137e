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


class _SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding, for inputs whose sides its stride divides."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        before = total // 2
        self._pad = (before, total - before, before, total - before)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.pad(x, self._pad))


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
        self._depthwise_conv = _SameConv2d(width, width, kernel, stride, groups=width)
        self._bn1 = _batch_norm(width)
        self._project_conv = nn.Conv2d(width, outputs, 1, bias=False)
        self._bn2 = _batch_norm(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = x
        if self._widens:
            y = functional.relu6(self._bn0(self._expand_conv(y)), inplace=True)
        y = functional.relu6(self._bn1(self._depthwise_conv(y)), inplace=True)
        y = self._bn2(self._project_conv(y))
        return torch.add(x, y) if self._adds_input else y


class EfficientNetLite0(nn.Module):
    """Images (N, 3, side, side), side a multiple of 32, to logits (N, classes)."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(3, 32, 3, 2)
        self._bn0 = _batch_norm(32)
        self._blocks = nn.Sequential(*_blocks())
        self._conv_head = nn.Conv2d(_STAGES[-1].outputs, _FEATURES, 1, bias=False)
        self._bn1 = _batch_norm(_FEATURES)
        self._fc = nn.Linear(_FEATURES, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu6(self._bn0(self._conv_stem(x)), inplace=True)
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
