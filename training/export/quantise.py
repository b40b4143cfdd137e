"""int8 by post-training quantisation: NNCF sets each tensor's range by photos that the graph sees."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import openvino as ov

from training.data.preprocessing import Pixels
from training.export.embedding import last_product


class QuantisationError(RuntimeError):
    """No int8 graph came out; the message says why."""


def quantise(model: ov.Model, photos: list[Pixels]) -> ov.Model:
    """A copy of a graph that takes pixels, computing its convolutions and products in int8.

    The last linear layer stays in float32: it costs next to nothing, and its errors are those of the scores.
    Weights take half of int8's range: with all of it, sums overflow on x86 processors without VNNI, which
    then answer otherwise (https://oneapi-src.github.io/oneDNN/dev_guide_int8_computations.html).
    Raises QuantisationError.
    """
    try:
        with _quiet():
            # Three seconds that a run without int8 need not wait.
            import nncf  # noqa: PLC0415

            # A fifth quicker than a graph for any number.
            for_one_photo = model.clone()
            for_one_photo.reshape([1, *list(model.input(0).partial_shape)[1:]])
            quantised: ov.Model = nncf.quantize(
                for_one_photo,
                nncf.Dataset([photo[None] for photo in photos]),
                subset_size=len(photos),
                preset=nncf.QuantizationPreset.MIXED,
                ignored_scope=nncf.IgnoredScope(names=[last_product(model).get_friendly_name()]),
                advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
            )
            quantised.reshape(model.input(0).partial_shape)
            return quantised
    # Anything may fail in there, and a run has float32 to serve.
    except Exception as error:
        raise QuantisationError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the libraries print and log: progress bars, tables, hints to developers."""
    silenced = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(silenced)
