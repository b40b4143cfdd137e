"""Our training, the same before the engine, the reference recipe and the floor: each started the same way,
measured from outside.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.demo_model import environment_of
from benchmarks.support.processes import BENCHMARKS, Usage, run_program, wait_until_quiet
from benchmarks.support.training.photo_sets import PhotoSet

EPOCHS = 5
# So few epochs want larger steps than the default, which is for as many as it takes.
LEARNING_RATE = "0.002"
# Of all cores' time: more than this, and the run is measured again.
DISTURBED_SHARE = 0.1
BACKBONE = "efficientnet_lite0"
# How a floor pass is done: option of support/floor_pass.py -> choice.
FloorWay = dict[str, str]


@dataclass(frozen=True)
class Run:
    """A finished process: what it took from outside, and what it says itself.

    `wall_s`, the time a user waits, runs from the start of the process to its end, all files written;
    `without_imports_s` leaves out the start of Python and its imports.
    """

    usage: Usage
    without_imports_s: float
    figures: dict[str, Any]

    @property
    def wall_s(self) -> float:
        return self.usage.wall_s

    @property
    def accuracy(self) -> float:
        return float(self.figures["accuracy"])

    def record(self) -> dict[str, Any]:
        """For the results: everything but lists of photos, classes and epochs."""
        kept = {"accuracy", "images", "seconds", "epochs", "precision", "serving"}
        usage = {name: round(value, 3) for name, value in asdict(self.usage).items()}
        figures = {name: value for name, value in self.figures.items() if name in kept}
        return {**usage, "without_imports_s": round(self.without_imports_s, 3), **figures}


@dataclass(frozen=True)
class Competitors:
    """Starts each of them once the machine is quiet, or after `quiet_s`.

    A run that other programs disturbed is repeated, `tries` runs in all at most; the quietest counts.
    """

    weights: Path
    old_tree: Path
    quiet_s: float
    tries: int

    def ours(self, drop: Path, seed: int, *, epochs: int | None = EPOCHS, weights: Path | None = None) -> Run:
        """training/train.py on a drop, `epochs` None: as many as it takes by itself."""
        return self._training(BENCHMARKS.parent, drop, seed, epochs, weights or self.weights)

    def old(self, drop: Path, seed: int) -> Run:
        """The same of the revision before the engine."""
        return self._training(self.old_tree, drop, seed, EPOCHS, self.weights)

    def _training(self, tree: Path, drop: Path, seed: int, epochs: int | None, weights: Path) -> Run:
        arguments: list[str | Path] = [tree / "training" / "train.py", "--dataset", drop]
        arguments += ["--weights", weights, "--backbone", BACKBONE, "--seed", str(seed)]
        if epochs is not None:
            arguments += ["--epochs", str(epochs), "--learning-rate", LEARNING_RATE]
        return self._quietest(lambda: _run_ours(arguments, environment_of(tree)))

    def reference(self, photos: PhotoSet, seed: int, *options: str) -> Run:
        """The reference recipe on the tree of a set."""
        arguments: list[str | Path] = [
            "-m",
            "benchmarks.support.training.reference_recipe",
            "--photos",
            photos.tree,
        ]
        arguments += ["--epochs", str(EPOCHS), "--seed", str(seed), *options]
        return self._quietest(lambda: self._run_peer(arguments))

    def floor(self, zip_file: Path, way: FloorWay, *, limit: int | None = None) -> Run:
        """One pass over the photos of a zip."""
        arguments: list[str | Path] = ["-m", "benchmarks.support.training.floor_pass", "--photos", zip_file]
        for option, choice in way.items():
            arguments += [f"--{option}", choice]
        arguments += [] if limit is None else ["--limit", str(limit)]
        return self._quietest(lambda: self._run_peer(arguments))

    def _run_peer(self, arguments: list[str | Path]) -> Run:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "figures.json")
            places: list[str | Path] = ["--weights", self.weights / f"{BACKBONE}.pth", "--figures", file]
            usage = run_program([*arguments, *places], Path(scratch, "log.txt"))
            figures = json.loads(file.read_text("utf-8"))
        return Run(usage, figures["seconds"]["total_without_imports"], figures)

    def _quietest(self, start: Callable[[], Run]) -> Run:
        runs: list[Run] = []
        while len(runs) < self.tries:
            wait_until_quiet(self.quiet_s)
            runs.append(start())
            if runs[-1].usage.others_share <= DISTURBED_SHARE:
                break
        return min(runs, key=lambda run: run.usage.others_share)


def _run_ours(arguments: list[str | Path], environment: dict[str, str]) -> Run:
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch, "output")
        places: list[str | Path] = ["--model-dir", Path(scratch, "model"), "--output-dir", output]
        usage = run_program([*arguments, *places], Path(scratch, "log.txt"), environment=environment)
        metrics = json.loads((output / "metrics.json").read_text("utf-8"))
    metrics["precision"] = metrics["hyperparameters"].get("precision")
    metrics["epochs"] = len(metrics["history"])
    return Run(usage, metrics["seconds"]["total"], metrics)
