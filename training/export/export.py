"""From a torch network to the graph that the engine runs: pixels in, scores out. Only training needs this."""

import copy
import warnings
from collections.abc import Callable

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from openvino import opset13
from openvino.preprocess import PrePostProcessor
from torch import nn

from training.data.preprocessing import Preprocessing
from training.export.embedding import observed_name

_BRIGHTEST = 255


def export_network(
    network: nn.Module,
    preprocessing: Preprocessing,
    observe: Callable[[nn.Module], list[nn.Module]] = lambda _: [],
) -> ov.Model:
    """The network in evaluation mode, on images of that kind and any number of them; it is left as it is.

    The outputs of the modules that `observe` finds in it have the names of `observed_name` in the graph.
    """
    # The graph's constants are the tensors' own memory, which a training that goes on would change.
    copied = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    side = preprocessing.image_size
    traced = _trace(_Observed(copied, observe(copied)), side)
    model = ov.convert_model(traced, example_input=torch.zeros(1, 3, side, side))
    model.reshape([-1, 3, side, side])
    for number, result in enumerate(model.get_results()[1:]):
        result.input_value(0).get_tensor().add_names({observed_name(number)})
        model.remove_result(result)
    return _take_pixels(model, preprocessing)


def append_linear(model: ov.Model, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> ov.Model:
    """A copy of the graph with a linear layer, weight (outputs, width) and bias (outputs,), behind it."""
    longer = model.clone()
    result = longer.get_results()[0]
    product = opset13.matmul(
        result.input_value(0), opset13.constant(weight), transpose_a=False, transpose_b=True
    )
    result.input(0).replace_source_output(opset13.add(product, opset13.constant(bias)).output(0))
    longer.validate_nodes_and_infer_types()
    return longer


class _Observed(nn.Module):
    """A network that gives its output, and behind it those of some of its modules."""

    def __init__(self, network: nn.Module, modules: list[nn.Module]) -> None:
        super().__init__()
        self.network = network
        self._observed = list(modules)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen: list[torch.Tensor] = []
        hooks = [
            module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
            for module in self._observed
        ]
        output = self.network(images)
        for hook in hooks:
            hook.remove()
        return output, *seen


def _trace(network: nn.Module, side: int) -> torch.jit.ScriptModule:
    # The fused attention of inference is one operation that the converter does not know.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            # Of checks on shapes, which a fixed side decides, and of trace itself: torch.export takes longer.
            warnings.simplefilter("ignore")
            # The tests compare every backbone's graph with its network; the check would trace it again.
            traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
                network, torch.zeros(1, 3, side, side), check_trace=False
            )
            return traced
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _take_pixels(model: ov.Model, preprocessing: Preprocessing) -> ov.Model:
    """The graph with uint8 pixels (N, side, side, 3) as its input, which it normalises itself."""
    steps = PrePostProcessor(model)
    image = steps.input()
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.model().set_layout(ov.Layout("NCHW"))
    mean, std = ([value * _BRIGHTEST for value in each] for each in (preprocessing.mean, preprocessing.std))
    image.preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(std)
    return steps.build()
