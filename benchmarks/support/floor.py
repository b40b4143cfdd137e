"""Which way to do the floor's pass is the fastest on this machine.

torch.compile is not among them: its pass is shorter, but compiling takes longer than it saves on 8,351 photos
(36 s of setup on the two cores that it was tried on).
"""

from collections.abc import Callable
from typing import Any

from support.contestants import FloorWay, Run

_TRIES = 2
_FIRST: FloorWay = {
    "precision": "float32",
    "layout": "channels_last",
    "cores": "batch_each",
    "graph": "eager",
    "malloc": "keep",
    "decoder": "pillow",
    "batch": "16",
}
# In this order, each decided before the next: the choices with the larger effect come first.
_CHOICES: dict[str, list[str]] = {
    "precision": ["bfloat16"],
    "graph": ["fused"],
    "decoder": ["pillow_torch", "torchvision"],
    "cores": ["share_batch"],
    "layout": ["contiguous"],
    "malloc": ["default"],
    "batch": ["8", "32"],
}


def find_fastest_way(start: Callable[[FloorWay], Run], seconds: str) -> tuple[FloorWay, list[dict[str, Any]]]:
    """The fastest way, one option settled after the other, and every way that was tried.

    `start` runs a pass; `seconds` names the phase of it to go by.
    """
    tried: list[dict[str, Any]] = []

    def measure(way: FloorWay) -> float:
        runs = [start(way) for _ in range(_TRIES)]
        best = min(float(run.figures["seconds"][seconds]) for run in runs)
        tried.append({**way, "images_per_s": round(runs[0].figures["images"] / best, 1)})
        return best

    way, best = _FIRST, measure(_FIRST)
    for option, others in _CHOICES.items():
        for choice in others:
            candidate = {**way, option: choice}
            took = measure(candidate)
            if took < best:
                way, best = candidate, took
    return way, tried
