"""Two small pictures as SVG. What is drawn are numbers and days that a schema has checked."""

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 340, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 12, 10, 22


def draw_line(
    days: Sequence[str],
    values: Sequence[float],
    drifted: Sequence[bool],
    *,
    band: tuple[float, float],
    span: tuple[float, float],
) -> str:
    """A value a day, each marked where it has drifted, over the `band` in which none is; axis over `span`."""
    low, high = span

    def x(place: int) -> float:
        return _LEFT + (place + 0.5) * (_WIDTH - _LEFT - _RIGHT) / len(values)

    def y(value: float) -> float:
        return _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    marks = "".join(
        f'<circle class="dot{" bad" if bad else ""}" cx="{x(place):.1f}" cy="{y(value):.1f}" r="3.5"/>'
        for place, (value, bad) in enumerate(zip(values, drifted, strict=True))
    )
    line = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in enumerate(values))
    shaded = (
        f'<rect class="band" x="{_LEFT}" y="{y(band[1]):.1f}" width="{_WIDTH - _LEFT - _RIGHT}" '
        f'height="{y(band[0]) - y(band[1]):.1f}"/>'
    )
    ticks = "".join(_tick(y(value), f"{value:g}") for value in (low, (low + high) / 2, high))
    ends = {0: days[0], len(days) - 1: days[-1]}
    labels = "".join(_label(x(place), day[5:]) for place, day in ends.items())
    return _svg(f'{shaded}{ticks}<polyline class="line" points="{line}"/>{marks}{labels}')


def draw_bars(labels: Sequence[str], held_out: Sequence[float], day: Sequence[float]) -> str:
    """Two bars a label, of shares."""
    room = (_WIDTH - _LEFT - _RIGHT) / len(labels)
    high = max(*held_out, *day)

    def y(value: float) -> float:
        return _TOP + (high - value) / high * (_HEIGHT - _TOP - _BOTTOM)

    def bar(kind: str, left: float, value: float) -> str:
        top = y(value)
        return (
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{room * 0.36:.1f}" '
            f'height="{y(0) - top:.1f}"/>'
        )

    bars = "".join(
        bar("held", _LEFT + room * (place + 0.12), one) + bar("bar", _LEFT + room * (place + 0.52), other)
        for place, (one, other) in enumerate(zip(held_out, day, strict=True))
    )
    names = "".join(_label(_LEFT + room * (place + 0.5), label) for place, label in enumerate(labels))
    return _svg(f"{_tick(y(0), '0')}{_tick(y(high), f'{high:.0%}')}{bars}{names}")


def _tick(height: float, text: str) -> str:
    return (
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        f'<text x="{_LEFT - 5}" y="{height + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _label(left: float, text: str) -> str:
    return f'<text x="{left:.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(text)}</text>'


def _svg(content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{content}</svg>'
