"""Which way to do the floor's pass is the fastest on this machine."""

from collections.abc import Callable

from benchmarks.support.training.competitors import FloorWay, Run

_TRIES = 2
_FIRST: FloorWay = {
    "precision": "f32",
    "shape": "any",
    "cores": "batch_each",
    "decoder": "pillow",
    "batch": "4",
}
# In this order, each decided before the next: the choices with the larger effect come first.
_CHOICES: dict[str, list[str]] = {
    "precision": ["bf16"],
    "decoder": ["pillow_draft", "torchvision"],
    "cores": ["share_batch"],
    "shape": ["fixed"],
    "batch": ["1", "8", "16"],
}


def find_fastest_way(start: Callable[[FloorWay], Run], seconds: str) -> FloorWay:
    """The fastest way, one option settled after the other; each is said.

    `start` runs a pass; `seconds` names the phase of it to go by.
    """

    def measure(way: FloorWay) -> float:
        runs = [start(way) for _ in range(_TRIES)]
        best = min(float(run.figures["seconds"][seconds]) for run in runs)
        print(f"floor: {runs[0].figures['images'] / best:.1f} images/s with {way}", flush=True)
        return best

    way, best = _FIRST, measure(_FIRST)
    for option, others in _CHOICES.items():
        for choice in others:
            candidate = {**way, option: choice}
            took = measure(candidate)
            if took < best:
                way, best = candidate, took
    return way
