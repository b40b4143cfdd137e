"""How much longer an answer takes whose photo is kept: results in benchmarks/results/capture.json.

One process of the inference function, before the demo's model and its photos, an SSM and an S3 that answer
at once on this machine. Each photo is asked about twice, in an order that changes: kept, and not. `longer` is
the share by which the kept one takes longer, over the tenth of the pairs that other programs disturbed least.
What S3 itself and the way to it take is not in it: one PutObject more. `--quick` writes no results.
"""

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.support.inference.demo_endpoint import Demo, running_demo
from benchmarks.support.machine import describe_machine
from benchmarks.support.marked_block import write_block
from benchmarks.support.processes import BENCHMARKS
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.spread import shorten

_ROUNDS, _QUICK_ROUNDS = 1000, 50
_PAGE = BENCHMARKS.parent / "docs" / "feedback.md"


def main() -> None:
    """Train, ask, print, write the results and the page's sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few rounds, no results written")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="dropserve-bench-") as folder,
        running_demo(Path(folder)) as demo,
        # The function writes a line of metrics for each answer.
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        figures = _measure(demo, _QUICK_ROUNDS if options.quick else _ROUNDS)
    results = {
        **figures,
        "method": " ".join((__doc__ or "").split()),
        "machine": describe_machine("botocore", "aws-lambda-powertools", "pillow", "openvino"),
    }
    print(json.dumps(results, indent=1))
    if not options.quick:
        write_results(RESULTS / "capture.json", results)
        write_block(_PAGE, "capture", render(results))


def render(results: dict[str, Any]) -> str:
    """The sentence of docs/feedback.md."""
    return (
        f"An answer whose photo is kept takes {results['longer']:.0%} longer, S3's own time not counted: "
        f"{results['kept_ms']:.1f} ms instead of {results['plain_ms']:.1f} ms where it was measured.\n"
    )


def _measure(demo: Demo, rounds: int) -> dict[str, Any]:
    os.environ |= demo.stubs.environment()
    # Only now: the function reads its environment as it is imported.
    from benchmarks.support.inference.lambda_process import Context  # noqa: PLC0415
    from functions.inference import handler as function  # noqa: PLC0415

    plain = function._predictor()
    # Whatever its answer is, it counts as unsure; and every photo has a key.
    kept = plain._replace(low_confidence=2.0, capture=plain.capture._replace(share=1.0, a_day=5000))
    ways = {"plain": plain, "kept": kept}
    taken_s: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-10, rounds):
        event = {"url": demo.photo_url(number % demo.photo_count)}
        for name in sorted(ways, reverse=bool(number % 2)):
            function._predictor = lambda name=name: ways[name]  # type: ignore[assignment]
            began = time.perf_counter()
            answer = function.handler(event, Context())
            elapsed_s = time.perf_counter() - began
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])
            if number >= 0:  # the first ones make connections
                taken_s[name].append(elapsed_s)
    return _figures(taken_s["plain"], taken_s["kept"])


def _figures(plain_s: list[float], kept_s: list[float]) -> dict[str, Any]:
    pairs = sorted(zip(plain_s, kept_s, strict=True), key=sum)[: max(1, len(plain_s) // 10)]
    plain, kept = (statistics.mean(each) for each in zip(*pairs, strict=True))
    return {
        "longer": shorten(kept / plain - 1),
        "plain_ms": shorten(plain * 1000),
        "kept_ms": shorten(kept * 1000),
        "rounds": len(plain_s),
    }


if __name__ == "__main__":
    main()
