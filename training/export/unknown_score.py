"""The detector of unknown photos as operations of the graph: what is evaluated is what is served."""

import numpy as np
import openvino as ov
from openvino import opset13

from training.export.embedding import embed, features
from training.unknown.subspaces import Detector, Doubt, Subspace

UNKNOWN_SCORE = "unknown_score"


def append_unknown_score(model: ov.Model, detector: Detector, doubt: Doubt) -> ov.Model:
    """A copy of the graph whose second output, (N,), says how unlike the training photos each photo is.

    Its operations stay in float32 whatever the graph's precision is. Raises NotObservedError.
    """
    copied = model.clone()
    shallow, deep = embed(copied, features(copied))
    both = opset13.add(_score(shallow, detector.shallow), _score(deep, detector.deep))
    unsure = _doubt(copied.get_results()[0].input_value(0), doubt)
    score = opset13.add(opset13.multiply(both, _constant(0.5)), unsure)
    score.output(0).get_tensor().add_names({UNKNOWN_SCORE})
    copied.add_results([opset13.result(score)])
    copied.validate_nodes_and_infer_types()
    return copied


def _doubt(scores: ov.Output, doubt: Doubt) -> ov.Node:
    highest = opset13.reduce_max(scores, opset13.constant(np.array([1], np.int64)), keep_dims=False)
    weight = doubt.weight / doubt.deviation
    return opset13.multiply(opset13.add(highest, _constant(doubt.mean)), _constant(-weight))


def _score(vectors: ov.Output, subspace: Subspace) -> ov.Node:
    """Subspace.scores, operation by operation."""
    moved = opset13.multiply(
        opset13.subtract(vectors, _constant(subspace.shift[None])), _constant(subspace.scale[None])
    )
    inside = opset13.matmul(moved, _constant(subspace.axes), transpose_a=False, transpose_b=False)
    squared = opset13.subtract(_squared_length(moved), _squared_length(inside))
    residual = opset13.sqrt(opset13.relu(squared))
    centred = opset13.subtract(residual, _constant(subspace.mean))
    return opset13.multiply(centred, _constant(1 / subspace.deviation))


def _squared_length(vectors: ov.Node) -> ov.Node:
    axis = opset13.constant(np.array([1], np.int64))
    return opset13.reduce_sum(opset13.multiply(vectors, vectors), axis, keep_dims=False)


def _constant(value: object) -> ov.Node:
    return opset13.constant(np.asarray(value, np.float32))
