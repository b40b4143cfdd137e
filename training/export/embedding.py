"""What a graph knows of a photo besides its scores: statistics along the network, to tell unknown photos by.

Two vectors a photo. `shallow`: mean and standard deviation of each channel of some blocks, which tell how it
looks; `deep`: the last block's means and the features, each of length 1, which tell what is on it. Mean and
deviation of feature maps as a photo's style: Huang and Belongie, https://arxiv.org/abs/1703.06868.
"""

from dataclasses import dataclass

import numpy as np
import openvino as ov
from openvino import opset13

_OBSERVED = "observed_block_"
_EPSILON = 1e-12


class NotObservedError(ValueError):
    """The graph was exported without names for its blocks."""


def observed_name(number: int) -> str:
    """The name in the graph of an observed block's output."""
    return f"{_OBSERVED}{number}"


@dataclass(frozen=True)
class ObservedGraph:
    """A graph that gives, for each photo, `output_width` numbers of its own, then `shallow`, then `deep`."""

    model: ov.Model
    output_width: int
    shallow_width: int


def observe(model: ov.Model, *, ends_in_features: bool = False) -> ObservedGraph:
    """A copy of the graph that gives the embedding as well, in the same rows. Raises NotObservedError.

    `ends_in_features`: it is a backbone without a head, whose output is the features.
    """
    copied = model.clone()
    own = copied.get_results()[0].input_value(0)
    shallow, deep = embed(copied, own if ends_in_features else features(copied))
    rows = opset13.concat([own, shallow, deep], 1)
    return ObservedGraph(ov.Model([rows], copied.get_parameters()), width_of(own), width_of(shallow))


def shallow_width(model: ov.Model) -> int:
    """Numbers in `shallow`. Raises NotObservedError."""
    return observe(model).shallow_width


def embed(model: ov.Model, found: ov.Output) -> tuple[ov.Output, ov.Output]:
    """`shallow` and `deep` (N, width), behind the graph's own operations, of which `found` is the features.

    Raises NotObservedError.
    """
    *blocks, last = _observed(model)
    means = opset13.concat([_over_places(block, opset13.reduce_mean) for block in blocks], 1)
    lengths = opset13.concat([_over_places(block, opset13.reduce_l2) for block in blocks], 1)
    places = np.concatenate([np.full(_channels(block), _places(block), np.float32) for block in blocks])
    squares = opset13.multiply(opset13.multiply(lengths, lengths), opset13.constant(1 / places[None]))
    variances = opset13.relu(opset13.subtract(squares, opset13.multiply(means, means)))
    shallow = opset13.concat([means, opset13.sqrt(variances)], 1)
    deep = opset13.concat([_of_length_1(_over_places(last, opset13.reduce_mean)), _of_length_1(found)], 1)
    return shallow.output(0), deep.output(0)


def last_product(model: ov.Model) -> ov.Node:
    """The matrix product nearest to the scores: the last linear layer. Raises LookupError without any."""
    node = model.get_results()[0].input_value(0).get_node()
    while node.get_type_name() != "MatMul":
        if not node.inputs():
            raise LookupError("the graph has no matrix product")
        node = node.input_value(0).get_node()
    return node


def features(model: ov.Model) -> ov.Output:
    """What the last linear layer takes (N, width)."""
    return last_product(model).input_value(0)


def width_of(vectors: ov.Output) -> int:
    """Numbers of a photo in (N, width)."""
    return int(vectors.get_partial_shape()[1].get_length())


def _observed(model: ov.Model) -> list[ov.Output]:
    found = {
        name: output
        for node in model.get_ordered_ops()
        for output in node.outputs()
        for name in output.get_names()
        if name.startswith(_OBSERVED)
    }
    if not found:
        raise NotObservedError("the graph names no blocks")
    return [_as_it_is_passed_on(found[observed_name(number)]) for number in range(len(found))]


def _as_it_is_passed_on(block: ov.Output) -> ov.Output:
    """In an int8 graph what the next block gets: float32 beside it would be computed for this alone."""
    readers = (target.get_node() for target in block.get_target_inputs())
    quantised = [node for node in readers if node.get_type_name() == "FakeQuantize"]
    return quantised[0].output(0) if quantised else block


def _over_places(block: ov.Output, reduce: "type[opset13.reduce_mean]") -> ov.Node:
    """(N, channels) of feature maps (N, channels, height, width) or of tokens (N, tokens, channels)."""
    axes = [2, 3] if _is_map(block) else [1]
    return reduce(block, opset13.constant(np.array(axes, np.int64)), keep_dims=False)


def _of_length_1(vectors: ov.Node | ov.Output) -> ov.Node:
    return opset13.normalize_l2(vectors, opset13.constant(np.array([1], np.int64)), _EPSILON, "max")


def _is_map(block: ov.Output) -> bool:
    return bool(block.get_partial_shape().rank.get_length() == 4)


def _channels(block: ov.Output) -> int:
    return int(block.get_partial_shape()[1 if _is_map(block) else 2].get_length())


def _places(block: ov.Output) -> int:
    shape = block.get_partial_shape()
    return int(shape[2].get_length() * shape[3].get_length() if _is_map(block) else shape[1].get_length())
