"""How figures of several rounds are told: never one number without its spread."""

from collections.abc import Iterable
from statistics import median


def spread(figures: Iterable[float]) -> dict[str, float]:
    """Median, lowest and highest, to four significant digits."""
    values = list(figures)
    return {"median": shorten(median(values)), "min": shorten(min(values)), "max": shorten(max(values))}


def ratios(above: Iterable[float], below: Iterable[float]) -> dict[str, float]:
    """The spread of one competitor's figures over the other's, round by round."""
    return spread(one / other for one, other in zip(above, below, strict=True))


def shorten(value: float) -> float:
    """To four significant digits."""
    return float(f"{value:.4g}")
