"""How long a model server takes from the start of its process to its first 200 of /ping."""

from pathlib import Path

from benchmarks.support.serving.competitors import serving

Contender = tuple[Path, Path]
"""A model, and the work tree whose server serves it."""


def take_start_turns(contenders: dict[str, Contender], folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender, round by round; another one begins each time."""
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            model, project = contenders[name]
            with serving(model, folder, project=project, settle_s=0) as server:
                if number >= 0:  # the first round only brings the files into memory
                    seconds[name].append(server.start_s)
    return seconds
