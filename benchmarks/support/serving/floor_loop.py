"""The floor of serving: decode and compute in a bare loop on the engine, without a server and a client.

`python -m benchmarks.support.serving.floor_loop MODEL_DIR PHOTOS` reads one JSON line a run from its input,
`{"connections", "seconds", "first_photo"}`, and prints one JSON line a run: photos a second of all loops
together, and the median time of a photo. For one connection a loop computes each photo on all
cores; for more, a loop on each core computes photos of its own.
"""

import json
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.support.machine import count_cores
from training.export.graph import Graph
from training.export.served_model import load_served_model


def main(model_dir: Path, photos: Path) -> None:
    """Keep a process for each core ready; each run uses as many as it needs."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for number in range(count_cores()):
        ours, theirs = context.Pipe()
        context.Process(target=_loop, args=(theirs, model_dir, photos, number), daemon=True).start()
        pipes.append(ours)
    print(json.dumps([pipe.recv() for pipe in pipes]), flush=True)
    for line in sys.stdin:
        run = json.loads(line)
        used = pipes[: 1 if run["connections"] == 1 else len(pipes)]
        for pipe in used:
            pipe.send(run)
        figures = [pipe.recv() for pipe in used]
        total = {
            "throughput": sum(figure["throughput"] for figure in figures),
            "median_ms": statistics.median(figure["median_ms"] for figure in figures),
        }
        print(json.dumps(total), flush=True)


def _loop(pipe: Connection, model_dir: Path, photos: Path, number: int) -> None:
    model = load_served_model(lambda name: (model_dir / name).read_bytes(), 1, one_photo=True)
    on_all_cores = Graph(model.graph.model, 1, cores_each=count_cores())
    files = [file.read_bytes() for file in sorted(photos.iterdir())]
    pipe.send("ready")
    while True:
        run = pipe.recv()
        graph = on_all_cores if run["connections"] == 1 else model.graph
        pipe.send(_run(graph, model.description.preprocessing, files[number:] + files[:number], run))


def _run(graph: Any, preprocessing: Any, files: list[bytes], run: dict[str, Any]) -> dict[str, float]:
    begin = now = time.perf_counter()
    seconds: list[float] = []
    while now < begin + run["seconds"]:
        started = now
        graph.run([preprocessing.decode(files[(run["first_photo"] + len(seconds)) % len(files)])])
        now = time.perf_counter()
        seconds.append(now - started)
    return {"throughput": len(seconds) / sum(seconds), "median_ms": 1000 * statistics.median(seconds)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
