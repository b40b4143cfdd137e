"""Our endpoint against LitServe, SageMaker's toolkit and its floor; results in
benchmarks/results/serving.json.

All serve the same network at the same precision to the same client, which sends the demo's photos over 1, 8
and 64 kept-alive connections. Contestants take turns, round by round; the others are stopped meanwhile.
Every claim is a ratio or a difference of one round. LitServe and the toolkit get, at each concurrency, the
settings that were the fastest in a trial before. The floor is decode and forward in a bare loop, of as many
photos at a time as there are connections; it has no client. The client runs on the same cores as the servers
and nothing is subtracted for it: its share of them is `client_cpu_share`.

With one connection, rounds are twenty times as many and a tenth as long: both cores work on each photo, and
where a virtual machine's cores lie changes within seconds (a cache line went from one to the other in 0.1 or
in 0.4 us, and the floor took 7 or 9.5 ms). What is compared has to meet the same.

`--quick` tries everything out in few short rounds, writing no results.
"""

import argparse
import json
import platform
import random
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from support.cores import count_cores
from support.demo_model import train_demo_model
from support.line_process import LineProcess
from support.results import RESULTS, write_results
from support.serving_contestants import Floor, Turn, started
from support.spread import ratios, shorten, spread

CONCURRENCIES = (1, 8, 64)
# How many rounds and what share of a turn's time, instead of one and the whole.
_SHORT_ROUNDS = {1: (20, 0.1)}
# A round begins so many photos after the one before: short ones get to all photos, too.
_PHOTOS_FORWARD = 40
PEERS = ("litserve", "toolkit")
SERVERS = ("ours", *PEERS)
_CORES = count_cores()
_PACKAGES = ("torch", "pillow", "uvicorn", "litserve", "sagemaker-inference")

# Of each setting before the rounds; the better one counts.
_TRIES = 2

Figures = dict[str, Any]
Settings = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """What all contestants share: the model, the client with its photos, a folder for logs, and the length of
    a turn."""

    model: Path
    client: LineProcess
    folder: Path
    turn: Turn
    precision: str


def main() -> None:
    """Train the model, find the peers' best settings, run the rounds, write the results."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as name:
        folder = Path(name)
        model, photos = _prepare(folder)
        floor, client = Floor(model, photos), LineProcess("support.serving_client", str(photos))
        try:
            stage = Stage(model, client, folder, Turn(0.5, options.seconds), floor.precision)
            results = _run_all(stage, floor, options.rounds)
        finally:
            floor.end()
            client.end()
    output = options.output or (None if options.quick else RESULTS / "serving.json")
    if output is not None:
        write_results(output, results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3, help="that a turn counts")
    parser.add_argument("--quick", action="store_true", help="short: a trial of the benchmark itself")
    parser.add_argument("--output", type=Path, help="default: serving.json beside the others")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 1.0
    return options


def _prepare(folder: Path) -> tuple[Path, Path]:
    """A model trained on the demo's photos, and these in one folder, so mixed that a few stand for all."""
    model, demo_photos = train_demo_model(folder)
    random.Random(0).shuffle(demo_photos)  # noqa: S311 - no secret
    photos = folder / "photos"
    photos.mkdir()
    for number, photo in enumerate(demo_photos):
        (photos / f"{number:04d}.jpg").write_bytes(photo)
    return model, photos


def _run_all(stage: Stage, floor: Floor, rounds: int) -> Figures:
    tried: list[Figures] = []
    ways, settings = {}, {}
    for connections in CONCURRENCIES:
        ways[connections] = _fastest_way(floor, connections, stage.turn, tried)
        settings[connections] = {peer: _fastest_settings(peer, connections, stage, tried) for peer in PEERS}
    runs = _run_rounds(stage, floor, ways, settings, rounds)
    results = {str(connections): _compare(runs[connections]) for connections in CONCURRENCIES}
    for name, figures in results.items():
        _tell(name, figures)
    return {
        **results,
        "method": " ".join((__doc__ or "").split()),
        "machine": {
            "cores": _CORES,
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
        "precision": stage.precision,
        "rounds": rounds,
        "seconds_a_turn": stage.turn.seconds,
        "floor_ways": ways,
        "settings": settings,
        "tried": tried,
        "runs": runs,
    }


def _fastest_way(floor: Floor, connections: int, turn: Turn, tried: list[Figures]) -> Settings:
    """The bare loop with that many photos at a time; of one photo, the way with the shortest time counts."""
    each = {"processes": _CORES, "threads": 1}
    together = {"processes": 1, "threads": _CORES}
    ways = {
        1: [{**together, "batch": 1}, {"processes": 1, "threads": 1, "batch": 1}],
        8: [{**each, "batch": max(1, 8 // _CORES)}, {**together, "batch": 8}],
        64: [{**each, "batch": 8}, {**each, "batch": 16}, {**each, "batch": 32}, {**together, "batch": 16}],
    }[connections]
    best: tuple[float, Settings] | None = None
    for way in ways:
        figures = max((floor.run(way, turn) for _ in range(_TRIES)), key=lambda run: run["throughput"])
        tried.append({"server": "floor", "connections": connections, **way, **figures})
        speed = 1 / figures["median_ms"] if connections == 1 else figures["throughput"]
        if best is None or speed > best[0]:
            best = speed, way
    assert best is not None  # noqa: S101 - there is at least one
    return best[1]


def _fastest_settings(peer: str, connections: int, stage: Stage, tried: list[Figures]) -> Settings:
    best: tuple[float, Settings] | None = None
    for settings in _peer_settings(peer, connections):
        with started(peer, settings, stage.precision, stage.model, stage.folder) as server:
            runs = [server.load(stage.client, connections, stage.turn) for _ in range(_TRIES)]
        figures = max(runs, key=lambda run: run["throughput"])
        tried.append({"server": peer, "connections": connections, **settings, **_short(figures)})
        if best is None or figures["throughput"] > best[0]:
            best = figures["throughput"], settings
    assert best is not None  # noqa: S101 - there is at least one
    return best[1]


def _peer_settings(peer: str, connections: int) -> list[Settings]:
    """What a careful user would try."""
    if peer == "toolkit":
        return [{"threads": 1}, {"threads": _CORES}] if _CORES > 1 else [{"threads": 1}]
    each, one = {"workers": _CORES, "threads": 1}, {"workers": 1, "threads": _CORES}
    if connections == 1:
        return [{**way, "max_batch_size": 1, "batch_timeout": 0.0} for way in (each, one)]
    share = max(1, connections // _CORES)
    return [
        *({**each, "max_batch_size": min(16, share), "batch_timeout": wait} for wait in (0.002, 0.01)),
        {**each, "max_batch_size": max(1, min(8, share // 2)), "batch_timeout": 0.005},
        {**one, "max_batch_size": min(16, connections), "batch_timeout": 0.01},
        {**each, "max_batch_size": 1, "batch_timeout": 0.0},
    ]


def _run_rounds(
    stage: Stage, floor: Floor, ways: dict[int, Settings], settings: dict[int, Figures], rounds: int
) -> dict[int, list[Figures]]:
    """For each concurrency, each round's figures by contestant."""
    runs: dict[int, list[Figures]] = {connections: [] for connections in CONCURRENCIES}
    with ExitStack() as stack:
        # One server for all concurrencies that it has the same settings for.
        servers = {}
        for connections in CONCURRENCIES:
            for name, chosen in {"ours": {}, **settings[connections]}.items():
                key = (name, json.dumps(chosen))
                if key not in servers:
                    entry = started(name, chosen, stage.precision, stage.model, stage.folder)
                    servers[key] = stack.enter_context(entry)
        for _ in range(rounds):
            for connections in CONCURRENCIES:
                parts, share = _SHORT_ROUNDS.get(connections, (1, 1.0))
                for _ in range(parts):
                    first_photo = len(runs[connections]) * _PHOTOS_FORWARD
                    turn = Turn(share * stage.turn.warm_s, share * stage.turn.seconds, first_photo)
                    figures: Figures = {"floor": floor.run(ways[connections], turn)}
                    # Another one begins each time.
                    first = len(runs[connections]) % len(SERVERS)
                    for name in (*SERVERS[first:], *SERVERS[:first]):
                        chosen = settings[connections].get(name, {})
                        server = servers[name, json.dumps(chosen)]
                        figures[name] = server.load(stage.client, connections, turn)
                    runs[connections].append(_checked(figures))
    return runs


def _checked(figures: Figures) -> Figures:
    """How many of the photos' labels are the toolkit's, instead of the labels."""
    expected = figures["toolkit"]["labels"]
    for name in ("ours", "litserve"):
        labels = figures[name]["labels"]
        both = labels.keys() & expected.keys()
        figures[name]["same_top_class"] = sum(labels[photo] == expected[photo] for photo in both) / len(both)
    return {name: _short(measured) for name, measured in figures.items()}


def _compare(runs: list[Figures]) -> Figures:
    """Ours against the others; the floor's median is that of a batch, a photo's only at one connection."""
    best_peer = [max(run[peer]["throughput"] for peer in PEERS) for run in runs]
    best_p99 = [min(run[peer]["p99_ms"] for peer in PEERS) for run in runs]
    best_median = [min(run[peer]["median_ms"] for peer in PEERS) for run in runs]
    ours = _of(runs, "ours", "throughput")
    medians = _of(runs, "ours", "median_ms")
    return {
        "throughput": {name: spread(_of(runs, name, "throughput")) for name in ("floor", *SERVERS)},
        "over_best_peer": ratios(ours, best_peer),
        "over_floor": ratios(ours, _of(runs, "floor", "throughput")),
        "median_ms": {name: spread(_of(runs, name, "median_ms")) for name in ("floor", *SERVERS)},
        "median_over_best_peer": ratios(medians, best_median),
        "median_over_floor": ratios(medians, _of(runs, "floor", "median_ms")),
        "median_beyond_floor_ms": spread(
            one - floor for one, floor in zip(medians, _of(runs, "floor", "median_ms"), strict=True)
        ),
        "p99_ms": {name: spread(_of(runs, name, "p99_ms")) for name in SERVERS},
        "p99_over_best_peer": ratios(_of(runs, "ours", "p99_ms"), best_p99),
        "client_cpu_share": {name: spread(_of(runs, name, "cpu_share")) for name in SERVERS},
        "failures": {name: sum(run[name]["failures"] for run in runs) for name in SERVERS},
        "same_top_class": {name: spread(_of(runs, name, "same_top_class")) for name in ("ours", "litserve")},
    }


def _of(runs: list[Figures], name: str, figure: str) -> list[float]:
    return [run[name][figure] for run in runs]


def _short(figures: Figures) -> Figures:
    """In few digits, and without the photos' labels."""
    return {
        name: shorten(value) if isinstance(value, float) else value
        for name, value in figures.items()
        if name != "labels"
    }


def _tell(connections: str, figures: Figures) -> None:
    print(f"\n-- {connections} connections")
    for name in ("over_floor", "over_best_peer", "median_beyond_floor_ms", "p99_over_best_peer"):
        print(f"{name}: {json.dumps(figures[name])}")
    for name, value in figures["throughput"].items():
        print(
            f"{name}: {value['median']} photos/s, median {figures['median_ms'][name]['median']} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
