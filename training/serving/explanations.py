"""The part of an answer that says why: a heat map of the likeliest class, or why there is none."""

import base64
from typing import Any

from training.data.preprocessing import Pixels
from training.export.heat_map import NoHeatMapError
from training.export.served_model import ServedModel


def explanation_of(photo: bytes, pixels: Pixels, model: ServedModel) -> dict[str, Any]:
    """`{"explanation": {"label", "png"}}`, the PNG in base64, or `{"explanation": {"refused": sentence}}`."""
    try:
        found = model.explainer.explain(pixels)
    except NoHeatMapError as error:
        return {"explanation": {"refused": str(error)}}
    png = base64.b64encode(found.over(photo)).decode()
    return {"explanation": {"label": model.classes[found.label], "png": png}}
