"""Photos that show little: blank, very dark, or much less sharp than the rest of the set."""

from collections.abc import Iterator

import torch

from training.doctor.findings import Examined, PhotoFinding
from training.doctor.looks import details, thumbnails
from training.doctor.near_duplicates import MIN_CONTRAST

# Mean grey of 255.
_DARK_BELOW = 20
# Robust standard deviations below the median, and the least difference: sets differ little in themselves.
_BLURRY_BELOW = 3.5
_MIN_BLUR_DIFFERENCE = 1.0
# A median absolute deviation times this is a standard deviation, of a normal distribution.
_MAD_SCALE = 1.4826


def find_poor_photos(examined: Examined) -> Iterator[PhotoFinding]:
    """One finding a photo at most: what is blank is neither dark nor blurry as well."""
    greys = thumbnails(examined.looks)
    contrast, brightness = greys.std((1, 2)), greys.mean((1, 2))
    blank = contrast < MIN_CONTRAST
    dark = ~blank & (brightness < _DARK_BELOW)
    for row in blank.nonzero().flatten().tolist():
        yield PhotoFinding("blank", "drop", row, 1.0, f"its greys differ by {contrast[row]:.1f} of 255")
    for row in dark.nonzero().flatten().tolist():
        why = f"its mean brightness is {brightness[row]:.0f} of 255"
        yield PhotoFinding("dark", "keep", row, 1 - float(brightness[row]) / 255, why)
    yield from _find_blurry(examined, blank | dark)


def _find_blurry(examined: Examined, passed_over: torch.Tensor) -> Iterator[PhotoFinding]:
    """Only of photos that were looked at in full: a thumbnail has other details."""
    count = examined.featured
    detail, clear = details(examined.looks)[:count], ~passed_over[:count]
    if not clear.any():
        return
    below = robust_deviations_below(detail, detail[clear])
    gap = detail[clear].median() - detail
    blurry = clear & (below > _BLURRY_BELOW) & (gap > _MIN_BLUR_DIFFERENCE)
    for row in blurry.nonzero().flatten().tolist():
        why = f"it has {gap[row].exp():.0f} times less fine detail than the median photo"
        yield PhotoFinding("blurry", "keep", row, 1 - float((-gap[row]).exp()), why)


def robust_deviations_below(values: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
    """How many standard deviations each value lies below the median of `of`, outliers left aside."""
    median = of.median()
    deviation = _MAD_SCALE * (of - median).abs().median()
    return (median - values) / deviation.clamp_min(1e-6)
