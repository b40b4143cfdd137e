"""Our endpoint against LitServe, the server that it replaced, and its floor; results in
benchmarks/results/serving.json.

Ours serves one training's graph in float32 and another's in int8 (same photos, same seed). Competitors: the
old model server, replayed from its git revision (torch, in the precision that it chooses); LitServe with
torch as that revision has it, in the same precision; LitServe with our engine; and the floor, decode and
engine in a bare loop. wrk, on the same cores, sends the demo's photos over 1, 8 and 64 connections.
Competitors take turns, round by round; the others are stopped meanwhile. Every claim is a ratio of one round.
LitServe gets, at each concurrency, the settings that were the fastest in a trial before.
`--quick` tries everything out in few short rounds, writing no results.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.support.demo_model import PROJECT, demo_photos, train_demo_model
from benchmarks.support.line_process import LineProcess
from benchmarks.support.machine import count_cores, describe_machine
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.serving.competitors import Load, Server, litserve, serving
from benchmarks.support.serving.endpoint_starts import take_start_turns
from benchmarks.support.serving.old_server import REVISION, checked_out, train_old_model
from benchmarks.support.spread import ratios, spread

CONCURRENCIES = (1, 8, 64)
PRECISIONS = {"float32": ("--int8", "never"), "int8": ("--int8-max-accuracy-loss", "1")}
# A round begins so many photos after the one before: short ones get to all photos, too.
_PHOTOS_FORWARD = 40
_CORES = count_cores()

Settings = dict[str, Any]
Figures = dict[str, Any]
Starts = dict[str, list[float]]


@dataclass
class Stage:
    """The models, the photos, and how long a turn takes."""

    folder: Path
    old_tree: Path
    old_model: Path
    models: dict[str, Path]
    photos: Path
    seconds: int
    quick: bool
    old_precision: str = ""
    servers: dict[str, Server] = field(default_factory=dict)
    settings: dict[str, dict[int, Settings]] = field(default_factory=dict)

    def load(self, connections: int, first_photo: int = 0) -> Load:
        """A turn of so many connections."""
        return Load(self.photos, connections, self.seconds, first_photo)


def main() -> None:
    """Train the models, find LitServe's best settings, run the rounds, write the results."""
    options = _options()
    # Servers that are stopped would stay behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        stage = _prepare(folder, stack.enter_context(checked_out(folder)), options)
        runs, starts = _run_all(stage, options.rounds, stack)
        results = _results(stage, runs, starts, options.rounds)
    print(json.dumps(results, indent=1))
    output = options.output or (None if options.quick else RESULTS / "serving.json")
    if output is not None:
        write_results(output, results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of a turn")
    parser.add_argument("--quick", action="store_true", help="short: a trial of the benchmark itself")
    parser.add_argument("--output", type=Path, help="default: serving.json beside the others")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("the load generator wrk is missing; Debian, Ubuntu and Homebrew have it as wrk")
    if options.quick:
        options.rounds, options.seconds = 2, 2
    return options


def _prepare(folder: Path, old_tree: Path, options: argparse.Namespace) -> Stage:
    """The three models, and the photos so mixed that a few stand for all."""
    photos = demo_photos()
    random.Random(0).shuffle(photos)  # noqa: S311 - no secret
    (folder / "photos").mkdir()
    for number, photo in enumerate(photos):
        (folder / "photos" / f"{number}.jpg").write_bytes(photo)
    return Stage(
        folder,
        old_tree,
        train_old_model(folder / "old-training", old_tree),
        {name: train_demo_model(folder / name, *given) for name, given in PRECISIONS.items()},
        folder / "photos",
        options.seconds,
        options.quick,
    )


def _run_all(stage: Stage, rounds: int, stack: ExitStack) -> tuple[dict[int, list[Figures]], Starts]:
    """For each concurrency, each round's figures by competitor; and the seconds of starts."""
    contenders = {name: (model, PROJECT) for name, model in stage.models.items()}
    contenders["old_server"] = (stage.old_model, stage.old_tree)
    starts = take_start_turns(contenders, stage.folder, rounds)
    old = stack.enter_context(serving(stage.old_model, stage.folder, project=stage.old_tree))
    stage.old_precision = "bfloat16" if "bfloat16" in old.said() else "float32"
    stage.servers["old_server"] = old
    floors = {}
    for precision, model in stage.models.items():
        stage.servers[precision] = stack.enter_context(serving(model, stage.folder))
        floors[precision] = LineProcess(
            "benchmarks.support.serving.floor_loop", str(model), str(stage.photos)
        )
        stack.callback(floors[precision].end)
        floors[precision].read()
    for peer in ("litserve_torch", "litserve_float32", "litserve_int8"):
        stage.settings[peer] = {each: _fastest_settings(stage, peer, each) for each in CONCURRENCIES}
        for chosen in stage.settings[peer].values():
            key = _key(peer, chosen)
            if key not in stage.servers:
                stage.servers[key] = stack.enter_context(_litserve(stage, peer, chosen))
    runs: dict[int, list[Figures]] = {each: [] for each in CONCURRENCIES}
    for number in range(-1, rounds):
        for connections in CONCURRENCIES:
            figures = _run_round(stage, floors, connections, max(0, number))
            if number >= 0:  # the first round only warms up
                runs[connections].append(figures)
    return runs, starts


def _run_round(stage: Stage, floors: dict[str, LineProcess], connections: int, number: int) -> Figures:
    load = stage.load(connections, number * _PHOTOS_FORWARD)
    turns = {name: stage.servers[name] for name in ("old_server", *PRECISIONS)}
    for peer, settings in stage.settings.items():
        turns[peer] = stage.servers[_key(peer, settings[connections])]
    # Another one begins each time.
    names = list(turns)
    first = number % len(names)
    figures: Figures = {name: turns[name].load(load) for name in names[first:] + names[:first]}
    for precision, floor in floors.items():
        order = {"connections": connections, "seconds": load.seconds, "first_photo": load.first_photo}
        figures[f"floor_{precision}"] = floor.ask(order)
    return figures


def _fastest_settings(stage: Stage, peer: str, connections: int) -> Settings:
    """What a careful user would find."""
    each, one = {"workers": _CORES, "threads": 1}, {"workers": 1, "threads": _CORES}
    ways: list[Settings] = [{**each, "max_batch_size": 1, "batch_timeout": 0.0}]
    if connections == 1:
        ways.append({**one, "max_batch_size": 1, "batch_timeout": 0.0})
    else:
        share = max(2, connections // _CORES)
        ways += [{**each, "max_batch_size": min(16, share), "batch_timeout": wait} for wait in (0.002, 0.01)]
        ways.append({**each, "max_batch_size": min(8, max(2, share // 2)), "batch_timeout": 0.005})
    if stage.quick:
        return ways[0]
    speeds = []
    for way in ways:
        with _litserve(stage, peer, way) as server:
            speeds.append(max(server.load(stage.load(connections))["throughput"] for _ in range(2)))
    return ways[speeds.index(max(speeds))]


def _litserve(stage: Stage, peer: str, settings: Settings) -> Any:
    if peer == "litserve_torch":
        tree, precision = stage.old_tree, stage.old_precision
        return litserve(settings, stage.old_model, stage.folder, project=tree, precision=precision)
    return litserve(settings, stage.models[peer.removeprefix("litserve_")], stage.folder)


def _key(peer: str, settings: Settings) -> str:
    return f"{peer} {json.dumps(settings)}"


def _results(stage: Stage, runs: dict[int, list[Figures]], starts: Starts, rounds: int) -> Figures:
    ours = ("old_server", *PRECISIONS)
    memory = {name: stage.servers[name].peak_memory_bytes for name in ours}
    return {
        "over_old_server": _over(runs, "old_server"),
        "over_litserve": _over(runs, "litserve_torch"),
        "over_litserve_same_engine": _over(runs, "litserve_{}"),
        "over_floor": _over(runs, "floor_{}"),
        "median_latency_over_old_server": _over({1: runs[1]}, "old_server", "median_ms"),
        "start_over_old_server": {name: ratios(starts[name], starts["old_server"]) for name in PRECISIONS},
        "memory_over_old_server": {
            name: spread([memory[name] / memory["old_server"]]) for name in PRECISIONS
        },
        "throughput": {
            str(each): {name: spread(run[name]["throughput"] for run in found) for name in found[0]}
            for each, found in runs.items()
        },
        "median_ms_of_1": {name: spread(run[name]["median_ms"] for run in runs[1]) for name in runs[1][0]},
        "start_s": {name: spread(seconds) for name, seconds in starts.items()},
        "memory_mib": {name: round(taken / (1 << 20)) for name, taken in memory.items()},
        "same_top_class_as_old_server": _agreement(stage),
        "old_server": {"revision": REVISION, "precision": stage.old_precision},
        "litserve_settings": stage.settings,
        "rounds": rounds,
        "seconds_a_turn": stage.seconds,
        "method": " ".join((__doc__ or "").split()),
        "machine": describe_machine("openvino", "torch", "pillow", "uvicorn", "starlette", "litserve"),
    }


def _over(runs: dict[int, list[Figures]], peer: str, figure: str = "throughput") -> Figures:
    """Ours over a peer's by precision, which stands for {} in the peer's name, and concurrency."""
    return {
        precision: {
            str(connections): ratios(
                (run[precision][figure] for run in found),
                (run[peer.format(precision)][figure] for run in found),
            )
            for connections, found in runs.items()
        }
        for precision in PRECISIONS
    }


def _agreement(stage: Stage) -> Figures:
    """The share of photos for which ours answers the old server's class."""
    photos = [file.read_bytes() for file in sorted(stage.photos.iterdir())]
    labels = {name: list(map(stage.servers[name].top_class, photos)) for name in ("old_server", *PRECISIONS)}
    return {
        name: sum(map(str.__eq__, labels[name], labels["old_server"])) / len(photos) for name in PRECISIONS
    }


if __name__ == "__main__":
    main()
