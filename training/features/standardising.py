"""By what features are standardised: each one's mean, and its standard deviation."""

from collections.abc import Callable, Iterator

import torch

# A feature that hardly changes must not decide alone.
_MIN_DEVIATION = 1e-3


def mean_and_deviation(
    chunks: Callable[[], Iterator[torch.Tensor]], width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each feature (width,) over all rows; `chunks` gives them anew at each call, (n, width) at a time."""
    count, total = 0, torch.zeros(width, dtype=torch.double)
    for rows in chunks():
        count += len(rows)
        total += rows.double().sum(0)
    mean = total / max(1, count)
    squares = torch.zeros_like(total)
    for rows in chunks():
        squares += (rows.double() - mean).square().sum(0)
    deviation = (squares / max(1, count - 1)).sqrt()
    return mean.float(), deviation.float().clamp_min(_MIN_DEVIATION)
