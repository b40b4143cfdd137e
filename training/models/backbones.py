"""The pretrained networks that training can start from, and how each wants its images."""

import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from contracts.training_job import weights_file
from training.data.preprocessing import Preprocessing
from training.failures import WeightsError
from training.models.efficientnet_lite0 import EfficientNetLite0

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_IMAGENET_CLASSES = 1000
_HALVES = (0.5, 0.5, 0.5)
# Of a network's depth; `python -m benchmarks.trust unknown` measures what they are good for.
_OBSERVED_SHARES = (5 / 16, 9 / 16, 1)


@dataclass(frozen=True)
class Backbone:
    """How to build a network, where its last linear layer and its blocks are, how its images were prepared.

    `blocks` names the modules whose children, one after the other, are the blocks. `only_image_size` is the
    one size in pixels that the weights are made for, where there is but one.
    """

    build: Callable[[], nn.Module]
    head: str
    blocks: tuple[str, ...]
    padding: str = "symmetric"
    mean: tuple[float, float, float] = _IMAGENET_MEAN
    std: tuple[float, float, float] = _IMAGENET_STD
    interpolation: str = "bilinear"
    only_image_size: int | None = None

    def preprocessing(self, image_size: int) -> Preprocessing:
        """Its images at `image_size` pixels a side."""
        return Preprocessing(image_size, self.mean, self.std, self.interpolation)


def _torchvision(name: str) -> Callable[[], nn.Module]:
    """Builds the network of that name without weights: nothing is downloaded."""

    def build() -> nn.Module:
        # Two seconds that a run on another backbone need not wait.
        from torchvision.models import get_model  # noqa: PLC0415

        network: nn.Module = get_model(name, weights=None)
        return network

    return build


_STAGES = ("layer1", "layer2", "layer3", "layer4")
_FEATURES = ("features",)
BACKBONES: dict[str, Backbone] = {
    "efficientnet_lite0": Backbone(
        EfficientNetLite0, "_fc", ("_blocks",), padding="same", mean=_HALVES, std=_HALVES
    ),
    "resnet18": Backbone(_torchvision("resnet18"), "fc", _STAGES),
    "resnet50": Backbone(_torchvision("resnet50"), "fc", _STAGES),
    "mobilenet_v3_large": Backbone(_torchvision("mobilenet_v3_large"), "classifier.3", _FEATURES),
    "efficientnet_b0": Backbone(
        _torchvision("efficientnet_b0"), "classifier.1", _FEATURES, interpolation="bicubic"
    ),
    "convnext_tiny": Backbone(_torchvision("convnext_tiny"), "classifier.2", _FEATURES),
    "vit_b_16": Backbone(_torchvision("vit_b_16"), "heads.head", ("encoder.layers",), only_image_size=224),
}


def load_pretrained(name: str, weights_folder: Path) -> nn.Module:
    """The network `name` with the ImageNet weights of `<weights_folder>/<name>.pth`, its own head included.

    Raises WeightsError when the file is missing, is no state dict, or belongs to another network.
    """
    path = weights_folder / weights_file(name)
    if not path.is_file():
        found = ", ".join(sorted(entry.name for entry in weights_folder.glob("*"))) or "nothing"
        raise WeightsError(
            f"the weights folder {weights_folder} has no {path.name} (it holds: {found}); "
            f"put the ImageNet state dict of {name} there under that name"
        )
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"{path} is not a PyTorch state dict that loads with weights_only=True ({_first_line(error)})"
        ) from error
    network = BACKBONES[name].build()
    try:
        network.load_state_dict(tensors)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} does not hold the weights of {name}: {_differences(error)}") from error
    return network.eval()


def replace_head(network: nn.Module, name: str, head: nn.Module) -> nn.Module:
    """Put `head` where the network's last linear layer was; gives the layer that stood there."""
    parent_path, _, attribute = BACKBONES[name].head.rpartition(".")
    parent = network.get_submodule(parent_path)
    old: nn.Module = getattr(parent, attribute)
    setattr(parent, attribute, head)
    return old


def blocks_of(network: nn.Module, name: str) -> list[nn.Module]:
    """The network's blocks in the order of their use."""
    stages = [network.get_submodule(path) for path in BACKBONES[name].blocks]
    return [block for stage in stages for block in stage.children()]


def observed_blocks(network: nn.Module, name: str) -> list[nn.Module]:
    """Blocks along the network, by whose outputs unknown photos are told; the last block comes last."""
    blocks = blocks_of(network, name)
    places = {math.ceil(share * len(blocks)) - 1 for share in _OBSERVED_SHARES}
    return [blocks[place] for place in sorted(places)]


def build_classifier(name: str, classes: int) -> nn.Module:
    """The network `name` with a linear head for `classes` classes and no trained weights yet."""
    network = BACKBONES[name].build()
    old = replace_head(network, name, nn.Identity())
    assert isinstance(old, nn.Linear)  # noqa: S101 - BACKBONES names a linear layer
    replace_head(network, name, nn.Linear(old.in_features, classes))
    return network.eval()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _differences(error: BaseException) -> str:
    """What torch says differs, shortened to the first finding."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[1:2] or lines[:1])[:300]
