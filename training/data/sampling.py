"""A sample of labelled photos."""

import numpy as np

from training.data.dataset import Photo


def pick_evenly(photos: list[Photo], limit: int, seed: int) -> list[Photo]:
    """At most `limit` of them, at random, and of each class as many as of any other while it has some."""
    order = np.random.default_rng(seed).permutation(len(photos))
    taken: dict[int, int] = {}
    ranked = []
    for photo in (photos[number] for number in order):
        taken[photo.label] = taken.get(photo.label, 0) + 1
        ranked.append((taken[photo.label], photo))
    ranked.sort(key=lambda each: each[0])
    return [photo for _, photo in ranked[:limit]]
