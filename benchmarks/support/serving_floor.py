"""The floor of serving: decode and batched forward passes in a bare loop, without a server and without a
client.

`python -m support.serving_floor MODEL_DIR PHOTOS` reads one JSON line a run from its input, `{"processes",
"batch", "threads", "warm_s", "seconds", "first_photo"}`, and prints one JSON line a run: photos a second of
all processes together, and the median time of a batch. Network and precision are those that ours serves.
"""

import json
import multiprocessing
import os
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

TRAINING = Path(__file__).resolve().parents[2] / "training"


def main(model_dir: str, photos: Path) -> None:
    """Keep a process for each core ready; each run uses as many as it says."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for number in range(os.cpu_count() or 1):
        ours, theirs = context.Pipe()
        context.Process(target=_loop, args=(theirs, model_dir, photos, number), daemon=True).start()
        pipes.append(ours)
        # The first one measures which precision is faster, alone; the others take the same.
        os.environ["SERVE_PRECISION"] = ours.recv()
    print(json.dumps({"precision": os.environ["SERVE_PRECISION"]}), flush=True)
    for line in sys.stdin:
        run = json.loads(line)
        for pipe in pipes[: run["processes"]]:
            pipe.send(run)
        figures = [pipe.recv() for pipe in pipes[: run["processes"]]]
        total = {
            "throughput": sum(figure["throughput"] for figure in figures),
            "median_ms": statistics.median(figure["median_ms"] for figure in figures),
        }
        print(json.dumps(total), flush=True)


def _loop(pipe: Connection, model_dir: str, photos: Path, number: int) -> None:
    sys.path.insert(0, str(TRAINING))
    import inference  # noqa: PLC0415 - training's modules are siblings

    model = inference.model_fn(model_dir)
    files = [file.read_bytes() for file in sorted(photos.iterdir())]
    pipe.send(model.precision)
    while True:
        pipe.send(_run(model, files[number:] + files[:number], pipe.recv()))


def _run(model: Any, files: list[bytes], run: dict[str, Any]) -> dict[str, float]:
    import torch  # noqa: PLC0415 - after the malloc settings of model_fn

    torch.set_num_threads(run["threads"])
    begin = time.perf_counter() + run["warm_s"]
    seconds: list[float] = []
    done, now = run["first_photo"], time.perf_counter()
    while now < begin + run["seconds"] or not seconds:
        batch = [files[(done + place) % len(files)] for place in range(run["batch"])]
        done += len(batch)
        started = now
        model.logits([model.classifier.preprocessing.decode(photo) for photo in batch])
        now = time.perf_counter()
        if started >= begin:
            seconds.append(now - started)
    return {
        "throughput": run["batch"] * len(seconds) / sum(seconds),
        "median_ms": 1000 * statistics.median(seconds),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
