"""A network as a graph that the inference engine runs; nothing here needs torch.

The graph takes the pixels of decoded photos as they are, uint8 (N, side, side, 3) in RGB, and normalises them
itself; its output is float32 (N, outputs), and it may have more behind that.
"""

import threading
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from training.data.preprocessing import Pixels

Scores = NDArray[np.float32]
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class GraphError(ValueError):
    """The bytes are no graph, or not one for photos."""


class Graph:
    """A compiled graph; several threads may call it at the same time, each computes on `cores_each`."""

    def __init__(
        self, model: ov.Model, threads: int, *, cores_each: int = 1, precision: str = "float32"
    ) -> None:
        """Compile for so many threads. float32 stays float32: on ARM, half precision is the default.

        bfloat16 pays on processors that have it (AMX, AVX-512 BF16); others are no quicker.
        """
        self.model = model
        self._compiled = ov.Core().compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                "NUM_STREAMS": threads,
                "INFERENCE_NUM_THREADS": threads * cores_each,
                # Each process would take the same first cores: several share a machine.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._own = threading.local()

    @classmethod
    def read(cls, xml: bytes, weights: bytes, threads: int, *, one_photo: bool = False) -> "Graph":
        """From the two files of the engine's format, in memory; `one_photo`: each pass has one photo.

        Such a pass is a tenth to a fifth quicker than one of a graph for any number. Raises GraphError.
        """
        try:
            model = ov.Core().read_model(xml, ov.Tensor(np.frombuffer(weights, np.uint8)))
            if one_photo:
                shape = model.input(0).partial_shape
                shape[0] = 1
                model.reshape(shape)
            return cls(model, threads)
        except RuntimeError as error:
            raise GraphError(f"the engine cannot read the graph: {error}") from error

    def fits(self, side: int, outputs: int, photos: int = -1) -> bool:
        """Whether it takes so many (-1: any number of) uint8 photos of that side, and gives so many numbers
        for each."""
        taken, given = self._compiled.input(0), self._compiled.output(0)
        return bool(
            taken.element_type == ov.Type.u8
            and taken.partial_shape == ov.PartialShape([photos, side, side, 3])
            and given.partial_shape == ov.PartialShape([photos, outputs])
        )

    @property
    def output_count(self) -> int:
        """How many outputs it has."""
        return len(self._compiled.outputs)

    def run(self, photos: list[Pixels]) -> Scores:
        """The first output (N, outputs) for photos (side, side, 3); one pass."""
        return self.run_all(photos)[0]

    def run_all(self, photos: list[Pixels]) -> list[Scores]:
        """Every output for photos (side, side, 3); one pass."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        batch = np.stack(photos)
        # The outputs are the request's own memory, which its next pass overwrites.
        return [output.copy() for output in request.infer([batch], share_inputs=True).values()]

    def save(self, path: Path) -> None:
        """Write `path` (.xml) and its weights beside it (.bin), in the precision that they have."""
        ov.save_model(self.model, path, compress_to_fp16=False)
