"""Small charts as numbers for an SVG: a template draws them, since the page's policy allows no style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_HEIGHT = 40.0


@dataclass(frozen=True)
class Bar:
    """A rectangle in the chart's own units."""

    x: float
    y: float
    height: float


@dataclass(frozen=True)
class Bars:
    """One bar a value, each one unit wide; `most` is what a bar of the whole height stands for."""

    bars: Sequence[Bar]
    width: int
    height: float
    most: float


def minute_bars(values: Sequence[float], most: float) -> Bars:
    """Bars of values from 0 to `most`; a value that is not 0 is seen."""
    scale = _HEIGHT / most if most else 0.0
    heights = [max(value * scale, 1.0) if value else 0.0 for value in values]
    bars = [Bar(float(at), _HEIGHT - height, height) for at, height in enumerate(heights) if height]
    return Bars(bars, len(values), _HEIGHT, most)
