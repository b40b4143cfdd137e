"""Small charts, drawn here as the attributes of an SVG: no script, no style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 110
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 20


@dataclass(frozen=True)
class Chart:
    """A line over epochs. `points` is an SVG polyline's; `last` where its newest value lies."""

    title: str
    points: str
    last: tuple[float, float]
    low: str
    high: str
    first_x: str
    last_x: str
    newest: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def chart(title: str, xs: Sequence[int], ys: Sequence[float]) -> Chart:
    """A line through at least one point; the axes reach from the smallest to the largest value."""
    low, high = min(ys), max(ys)
    spread, span = (high - low) or 1.0, (xs[-1] - xs[0]) or 1
    places = [
        (
            _LEFT + (x - xs[0]) / span * (WIDTH - _LEFT - _RIGHT),
            HEIGHT - _BOTTOM - (y - low) / spread * (HEIGHT - _TOP - _BOTTOM),
        )
        for x, y in zip(xs, ys, strict=True)
    ]
    return Chart(
        title=title,
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        last=(round(places[-1][0], 1), round(places[-1][1], 1)),
        low=f"{low:.3f}",
        high=f"{high:.3f}",
        first_x=str(xs[0]),
        last_x=str(xs[-1]),
        newest=f"{ys[-1]:.3f}",
    )
