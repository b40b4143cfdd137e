"""Why a photo gets its class: a heat map of what the score of the likeliest class comes from.

A class activation map (Zhou et al., https://arxiv.org/abs/1512.04150), exact where a linear head stands on
the means of feature maps: the score is the mean of the map over all places, plus the class's bias.
"""

import io
import threading
from dataclasses import dataclass

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13
from PIL import Image

from training.data.preprocessing import Pixels, open_photo
from training.export.embedding import last_product
from training.export.graph import Graph

# What only reshapes the means on their way to the head.
_RESHAPING = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Convert"})
_MEANS = frozenset({"ReduceMean", "AdaptiveAvgPool"})
_PICTURE_SIDE = 320
# The photo stays visible under the warmest place.
_STRONGEST = 0.65
_COLOURS = 128


class NoHeatMapError(ValueError):
    """The network has no exact map; the message is a sentence for a person."""


@dataclass(frozen=True)
class HeatMap:
    """What the score of class `label` comes from: it is the mean of `places` (height, width) and the bias."""

    label: int
    places: NDArray[np.float32]

    def over(self, photo: bytes) -> bytes:
        """A small PNG of the photo: red where the score comes from, as it is where nothing does.

        Raises PhotoError.
        """
        image = open_photo(photo, _PICTURE_SIDE)
        image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
        heat = np.maximum(self.places, 0) / max(float(self.places.max()), 1e-9)
        mask = Image.fromarray((heat * _STRONGEST * 255).astype(np.uint8)).resize(
            image.size, Image.Resampling.BICUBIC
        )
        image.paste((230, 30, 20), mask=mask)
        buffer = io.BytesIO()
        image.quantize(_COLOURS).save(buffer, "PNG")
        return buffer.getvalue()


class Explainer:
    """Heat maps of a served model's answers. The graph for them is compiled when the first one is asked for.

    One photo at a time, on one thread: others wait.
    """

    def __init__(self, graph: Graph) -> None:
        self._served = graph
        self._lock = threading.Lock()
        self._compiled: Graph | None = None

    def explain(self, pixels: Pixels) -> HeatMap:
        """The map of the likeliest class. Raises NoHeatMapError."""
        with self._lock:
            if self._compiled is None:
                self._compiled = Graph(class_map_graph(self._served.model), 1)
            scores, maps = self._compiled.run_all([pixels])
        label = int(scores[0].argmax())
        return HeatMap(label, maps[0, label])


def class_map_graph(model: ov.Model) -> ov.Model:
    """The graph with scores (N, classes) and maps (N, classes, height, width). Raises NoHeatMapError."""
    copied = model.clone()
    scores = copied.get_results()[0].input_value(0)
    try:
        product = last_product(copied)
    except LookupError as error:
        raise NoHeatMapError("this model has no exact heat map: it has no linear head") from error
    maps = _averaged_maps(product)
    _, channels, height, width = (maps.get_partial_shape()[place] for place in range(4))
    columns = opset13.constant(np.array([0, channels.get_length(), -1], np.int64))
    # (classes, channels) times (N, channels, places).
    places = opset13.matmul(
        product.input_value(1), opset13.reshape(maps, columns, special_zero=True), False, False
    )
    shape = opset13.constant(np.array([0, 0, height.get_length(), width.get_length()], np.int64))
    return ov.Model(
        [scores, opset13.reshape(places, shape, special_zero=True).output(0)], copied.get_parameters()
    )


def _averaged_maps(product: ov.Node) -> ov.Output:
    """The feature maps whose means the head takes. Raises NoHeatMapError."""
    node = product.input_value(0).get_node()
    while node.get_type_name() in _RESHAPING:
        node = node.input_value(0).get_node()
    source = node.input_value(0) if node.get_type_name() in _MEANS else None
    if source is None or source.get_partial_shape().rank.get_length() != 4:
        raise NoHeatMapError(
            "this model has no exact heat map: its head does not stand on the means of feature maps; "
            "efficientnet_lite0, efficientnet_b0, resnet18 and resnet50 have one"
        )
    return source
