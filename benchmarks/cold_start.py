"""Our inference function's cold start against the reference's; results in benchmarks/results/cold_start.json.

A cold start is a new process: from its start to its first answer, import included, against an image host,
SSM and SageMaker that answer at once on this machine. `over_reference`: ours (Powertools, Pillow, the fetch
and all) over the course project's function (boto3, which forwards the URL; its endpoint fetches the image,
and it is charged nothing for that here). `over_usual`: ours over the same with the usual shortcuts undone.
Competitors take turns, round by round, in an order that changes; every claim is a ratio of one round.
`cpu_over_reference` is of processor time and `quickest_over_reference` of each one's quickest start: other
programs on the machine disturb these less.
`warm` is of one process that has answered before; its endpoint serves the demo's model.
`endpoint_over_old`: from the start of the model server's process to its first 200 of /ping, over that of the
server that it replaced, replayed from its git revision; each serves what its own training made.
`--quick` tries it out and writes no results.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.support.demo_model import PROJECT
from benchmarks.support.inference.demo_endpoint import running_demo
from benchmarks.support.inference.lambda_competitors import ColdStart, Competitor, build_competitors
from benchmarks.support.inference.lambda_stubs import Stubs, running_stubs
from benchmarks.support.inference.lambda_warm import warm_figures
from benchmarks.support.machine import describe_machine
from benchmarks.support.processes import wait_until_quiet
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.serving.endpoint_starts import take_start_turns
from benchmarks.support.serving.old_server import REVISION, checked_out, train_old_model
from benchmarks.support.spread import ratios, spread

# About what dogImages holds: most of its photos have 500 to 640 pixels a side, and 100 KB.
PHOTO_SIZE = (640, 480)

_ENDPOINT_ROUNDS = 15

Rounds = dict[str, list[ColdStart]]


def main() -> None:
    """Build, take turns, print, write the results."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as name:
        competitors = build_competitors(Path(name))
        with running_stubs(_photo()) as stubs:
            rounds = _take_turns(competitors, stubs, options.rounds, options.quiet_s)
        with running_demo(Path(name)) as demo:
            warm = warm_figures(competitors["ours"], demo)
        starts = _start_endpoints(demo.model, Path(name), options.rounds)
    results = _results(rounds, warm, starts)
    _print_table(rounds, results)
    if not options.quick:
        write_results(RESULTS / "cold_start.json", results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="three rounds, no results written")
    parser.add_argument(
        "--quiet-s", type=float, default=5, help="wait so long for a quiet machine, each round"
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.quiet_s = 3, 0
    return options


def _photo() -> bytes:
    """A JPEG with the size and the grain of a photo, the same each time."""
    fine = Image.effect_noise(PHOTO_SIZE, 24)
    coarse = Image.effect_noise((PHOTO_SIZE[0] // 16, PHOTO_SIZE[1] // 16), 120).resize(PHOTO_SIZE)
    image = Image.merge("RGB", [coarse, Image.blend(coarse, fine, 0.4), fine])
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _take_turns(competitors: dict[str, Competitor], stubs: Stubs, rounds: int, quiet_s: float) -> Rounds:
    event = json.dumps({"url": stubs.image_url})
    taken: Rounds = {name: [] for name in competitors}
    for number in range(-1, rounds):
        wait_until_quiet(quiet_s)
        names = list(competitors)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = competitors[name].start(event, stubs.environment())
            if number >= 0:  # the first round only brings the files into memory
                taken[name].append(start)
    return taken


def _start_endpoints(model: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    with checked_out(folder) as old_tree:
        old_model = train_old_model(folder / "old-training", old_tree)
        contenders = {"ours": (model, PROJECT), "old": (old_model, old_tree)}
        return take_start_turns(contenders, folder, min(rounds, _ENDPOINT_ROUNDS))


def _results(rounds: Rounds, warm: dict[str, Any], starts: dict[str, list[float]]) -> dict[str, Any]:
    ours = rounds["ours"]
    return {
        "over_reference": ratios(_walls(ours), _walls(rounds["reference"])),
        "over_usual": ratios(_walls(ours), _walls(rounds["usual"])),
        "cpu_over_reference": ratios(_cpus(ours), _cpus(rounds["reference"])),
        "quickest_over_reference": round(min(_walls(ours)) / min(_walls(rounds["reference"])), 3),
        "endpoint_over_old": ratios(starts["ours"], starts["old"]),
        "endpoint_s": {name: spread(seconds) for name, seconds in starts.items()},
        "warm": warm,
        "phases_s": {
            name: {
                "start": spread(one.wall_s - one.import_s - one.answer_s for one in starts),
                "import": spread(one.import_s for one in starts),
                "answer": spread(one.answer_s for one in starts),
                "whole": spread(_walls(starts)),
                "cpu": spread(_cpus(starts)),
            }
            for name, starts in rounds.items()
        },
        "method": " ".join((__doc__ or "").split()),
        "rounds": len(ours),
        "old_revision": REVISION,
        "machine": describe_machine("boto3", "aws-lambda-powertools", "pillow", "wrapt", "openvino"),
    }


def _walls(starts: Iterable[ColdStart]) -> list[float]:
    return [start.wall_s for start in starts]


def _cpus(starts: Iterable[ColdStart]) -> list[float]:
    return [start.cpu_s for start in starts]


def _print_table(rounds: Rounds, results: dict[str, Any]) -> None:
    print(f"{'milliseconds':12}" + "".join(f"{phase:>9}" for phase in results["phases_s"]["ours"]))
    for name in rounds:
        phases = results["phases_s"][name]
        print(f"{name:12}" + "".join(f"{phases[phase]['median'] * 1000:9.1f}" for phase in phases))
    for name in ("over_reference", "over_usual", "cpu_over_reference", "endpoint_over_old"):
        found = results[name]
        print(f"{name}: {found['median']} ({found['min']} to {found['max']})")
    print(f"quickest_over_reference: {results['quickest_over_reference']}")
    print(f"warm: {json.dumps(results['warm'])}")


if __name__ == "__main__":
    main()
