"""Traffic by the second for some days, and requests drawn from it; the same seed gives the same requests.

The last day is the one that is judged; a review sees only those before it.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

DAYS = 7
DAY_S = 86_400
# Steps of the simulation.
STEP_S = 0.1
STEPS_A_SECOND = round(1 / STEP_S)

Rates = npt.NDArray[np.float64]


def steady(_: np.random.Generator) -> Rates:
    """300 requests a minute, day and night."""
    return np.full(DAYS * DAY_S, 300 / 60)


def diurnal(random: np.random.Generator) -> Rates:
    """60 a minute at night, 900 in the early afternoon; each day a little different."""
    seconds = np.arange(DAYS * DAY_S)
    wave = (1 - np.cos(2 * np.pi * seconds / DAY_S)) / 2
    height = np.repeat(random.normal(1, 0.08, DAYS), DAY_S)
    return (60 + 840 * height * wave) / 60


def flash_crowd(random: np.random.Generator) -> Rates:
    """120 a minute, and each day, some time, a crowd of up to a million a minute, gone in an hour."""
    rates = np.full(DAYS * DAY_S, 120 / 60)
    minutes = np.arange(3600) / 60
    for day in range(DAYS):
        peak = 1_000_000 * (1.0 if day in {2, DAYS - 1} else random.uniform(0.1, 0.8))
        # Three minutes up, then half as many every five minutes.
        shape = np.minimum(minutes / 3, 1) * 0.5 ** (np.maximum(minutes - 3, 0) / 5)
        start = day * DAY_S + int(random.integers(6 * 3600, 20 * 3600))
        rates[start : start + 3600] += peak * shape / 60
    return rates


def bursty(random: np.random.Generator) -> Rates:
    """24 a minute, and every few minutes a batch of 5 to 30 seconds at 40 a second."""
    rates = np.full(DAYS * DAY_S, 24 / 60)
    start = 0.0
    while start < DAYS * DAY_S:
        length = int(random.uniform(5, 30))
        rates[int(start) : int(start) + length] = 40
        start += length + random.exponential(300)
    return rates


def growing(random: np.random.Generator) -> Rates:
    """Days and nights, each with 30 % more than the one before: the peaks grow from 250 a minute to 1,200."""
    seconds = np.arange(DAYS * DAY_S)
    wave = 0.3 + 0.7 * (1 - np.cos(2 * np.pi * seconds / DAY_S)) / 2
    growth = 1.3 ** (seconds // DAY_S)
    noise = np.repeat(random.normal(1, 0.05, DAYS * 24), 3600)
    return 250 * wave * growth * noise / 60


TRACES: dict[str, Callable[[np.random.Generator], Rates]] = {
    "steady": steady,
    "diurnal": diurnal,
    "flash crowd": flash_crowd,
    "bursty": bursty,
    "growing": growing,
}


def draw_requests(name: str, seed: int) -> npt.NDArray[np.int64]:
    """How many requests come in each step: Poisson at the trace's rate."""
    random = np.random.default_rng([seed, list(TRACES).index(name)])
    rates = np.repeat(TRACES[name](random), STEPS_A_SECOND)
    return random.poisson(rates * STEP_S)
