"""The classifier's network as it serves: BatchNorm folded into the convolutions, bfloat16 where that is
faster.

bfloat16 must not change which class is first. Its scores differ from float32's by a little; where the first
two classes are nearer to each other than such a difference, the photo is computed again in float32. A model
of many classes can be so unsure that most photos are computed twice: then float32 alone is faster.
"""

import copy
import math
import os
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import nn

from backbones import replace_head
from classifier import Classifier
from fusion import fold_norms
from preprocessing import Pixels

# `float32` or `bfloat16` decide for themselves; anything else: measured when the model is loaded.
PRECISION_VARIABLE = "SERVE_PRECISION"
BATCH = 16  # photos of one pass; more gain nothing on a CPU and cost memory

_MIN_GAIN = 1.15  # a clear win only: a machine near the line must not choose differently at every start
_TRIES = 5
_PICTURES, _AT_A_TIME = 16, 4
_SAFETY = 3.0  # of the largest difference seen on made pictures: photos can differ more
# In doubt so often, the second pass costs what bfloat16 saves: float32 took 1.5 times as long for one photo.
_MAX_DOUBTFUL = 1 / 3
_LATELY = 64  # photos


@dataclass
class ServingNetwork:
    """A classifier with a folded network, ready to serve.

    `reduced` is None where float32 serves; `tie_margin` is the lead in score that bfloat16 can be trusted
    with; `doubtful_share` of the last photos led by less.
    """

    classifier: Classifier
    reduced: nn.Module | None
    tie_margin: float
    doubtful_share: float = 0.0

    @property
    def precision(self) -> str:
        """What most photos are computed in."""
        return "float32" if self.reduced is None else "bfloat16"

    def logits(self, photos: list[Pixels]) -> torch.Tensor:
        """Raw scores (N, classes) in float32 on the CPU, for decoded photos."""
        parts = [self._logits(photos[start : start + BATCH]) for start in range(0, len(photos), BATCH)]
        return torch.cat(parts)

    def _logits(self, photos: list[Pixels]) -> torch.Tensor:
        with torch.inference_mode():
            images = self.classifier.preprocessing.batch(photos, self.classifier.device)
            if self.reduced is None:
                return _run(self.classifier.network, images)
            in_bfloat16 = self.doubtful_share <= _MAX_DOUBTFUL
            scores = _run(self.reduced if in_bfloat16 else self.classifier.network, images)
            if scores.shape[1] > 1:
                first, second = scores.topk(2).values.unbind(1)
                doubtful = first - second < self.tie_margin
                count = int(doubtful.sum())
                if count and in_bfloat16:
                    scores[doubtful] = _run(self.classifier.network, images[doubtful.to(images.device)])
                self._note(count / len(photos), len(photos))
            return scores

    def _note(self, share: float, photos: int) -> None:
        self.doubtful_share += photos / max(photos, _LATELY) * (share - self.doubtful_share)


def prepare_network(classifier: Classifier) -> ServingNetwork:
    """Fold, choose the precision, and run once, so that the first request finds everything set up."""
    # In its place: an endpoint has no use for the network as it was trained.
    classifier = replace(classifier, network=fold_norms(classifier.network))
    wish = os.environ.get(PRECISION_VARIABLE, "")
    if wish == "float32":
        served = ServingNetwork(classifier, None, 0.0)
    else:
        served = _with_bfloat16(classifier, measure=wish != "bfloat16")
    served.logits(_made_pictures(classifier.preprocessing.image_size, 0, 1))
    return served


def _with_bfloat16(classifier: Classifier, *, measure: bool) -> ServingNetwork:
    exact = classifier.network
    reduced = _in_bfloat16(exact, classifier.backbone)
    moved = 0.0
    with torch.inference_mode():
        # Few at a time: memory that is taken here stays with the process.
        for start in range(0, _PICTURES, _AT_A_TIME):
            pictures = _made_pictures(classifier.preprocessing.image_size, start, _AT_A_TIME)
            images = classifier.preprocessing.batch(pictures, classifier.device)
            if measure and start == 0 and not _is_faster(reduced, exact, images):
                return ServingNetwork(classifier, None, 0.0)
            difference = _run(reduced, images) - _run(exact, images)
            # How far two classes can have moved towards each other.
            moved = max(moved, float((difference.amax(1) - difference.amin(1)).max()))
    return ServingNetwork(classifier, reduced, _SAFETY * moved)


class _Reduced(nn.Module):
    """Everything but the last linear layer in bfloat16: rounding the scores themselves gains nothing."""

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self._body = body
        self._head = head

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._head(self._body(images.to(torch.bfloat16)).float())
        return scores


def _in_bfloat16(exact: nn.Module, backbone: str) -> nn.Module:
    body = copy.deepcopy(exact)
    head = replace_head(body, backbone, nn.Identity())
    # channels_last is an overload that torch's stubs lack.
    body = body.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return _Reduced(body, head)


def _is_faster(reduced: nn.Module, exact: nn.Module, images: torch.Tensor) -> bool:
    """By the shortest of a few passes on one thread: what other programs do meanwhile matters little."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    shortest = {reduced: math.inf, exact: math.inf}
    for _ in range(_TRIES):
        for network, before_s in shortest.items():
            started = time.perf_counter()
            _run(network, images)
            shortest[network] = min(before_s, time.perf_counter() - started)
    torch.set_num_threads(threads)
    return shortest[exact] > _MIN_GAIN * shortest[reduced]


def _run(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    scores: torch.Tensor = network(images)
    return scores.float().cpu()


def _made_pictures(side: int, first: int, count: int) -> list[Pixels]:
    """Random colours, from large soft areas to fine grain: no two alike, and the same at every start."""
    pictures = []
    for number in range(first, first + count):
        random = np.random.default_rng(number)
        cells = max(2, side >> (number % 6))
        colours = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        picture = Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)
        pictures.append(np.asarray(picture))
    return pictures
