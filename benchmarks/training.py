"""Our training against the reference recipe, itself before the engine, and its floor.

Results in benchmarks/results/training.json. Competitors take turns, round by round, each in a process of its
own; every claim is a ratio of one round.
Times are of whole processes, from their start to the last file written: what a user waits for.

The headline figures are those of the sets they mean most on: time of 8,351 generated photos in 133 classes,
the shape of dogImages, for which the reference recipe was written; accuracy of real photos. A part can be
measured by itself: the results keep what the others gave before. `--quick` tries everything out once, on
few photos, and writes no results.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.support.machine import describe_machine
from benchmarks.support.results import RESULTS, write_results
from benchmarks.support.serving.old_server import checked_out
from benchmarks.support.training.competitors import BACKBONE, EPOCHS, Competitors
from benchmarks.support.training.parts import PARTS, Bench
from deploy_scripts.packaging.weights import shipped_weights

# Figure of the results -> the part and the path in it that it comes from.
_HEADLINES = {
    "reference_over_ours": ("dog_shaped_reference", "reference_over_ours"),
    "feature_pass_over_old": ("dog_shaped_floor", "feature_pass_over_old"),
    "time_over_floor": ("dog_shaped_floor", "time_over_floor"),
    "accuracy_ours": ("real_photos", "accuracy_ours", "median"),
    "accuracy_reference": ("real_photos", "accuracy_reference", "median"),
    "peak_memory_ratio_10x": ("dog_shaped_floor", "peak_memory_ratio_10x", "median"),
}


def main() -> None:
    """Run the parts that are asked for; print and write the results of each as it ends."""
    options = _options()
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as scratch:
            folder = Path(scratch)
            with checked_out(folder) as old_tree:
                weights = _weights_folder(folder / "weights")
                competitors = Competitors(weights, old_tree, options.quiet_s, options.tries)
                found = {
                    "rounds": options.rounds,
                    "machine": describe_machine("torch", "openvino", "nncf", "pillow"),
                    **PARTS[name](Bench(competitors, folder, options.rounds, options.quick)),
                }
        _tell(name, found)
        if not options.quick:
            _keep(name, found, options.output)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"default: all of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="few photos, once: a trial of the benchmark itself"
    )
    parser.add_argument(
        "--quiet-s", type=float, default=20, help="wait so long for a quiet machine, each time"
    )
    parser.add_argument("--tries", type=int, default=2, help="of a run that other programs disturb")
    parser.add_argument("--output", type=Path, default=RESULTS / "training.json")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.quiet_s = 1, 0
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return options


def _keep(name: str, found: dict[str, Any], file: Path) -> None:
    """Put a part's figures among the results of the others, and the headlines before them all."""
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    parts = {part: before[part] for part in PARTS if part in before} | {name: found}
    results = {
        **{headline: _lookup(parts, path) for headline, path in _HEADLINES.items()},
        "method": " ".join((__doc__ or "").split()),
        "epochs": EPOCHS,
        "backbone": BACKBONE,
        **{part: parts[part] for part in PARTS if part in parts},
    }
    write_results(file, results)


def _lookup(parts: dict[str, Any], path: tuple[str, ...]) -> Any:
    """None where the part has not been measured yet."""
    value: Any = parts
    for step in path:
        value = value.get(step, {})
    return value or None


def _weights_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{BACKBONE}.pth").symlink_to(shipped_weights())
    return folder


def _tell(title: str, results: dict[str, Any]) -> None:
    print(f"\n-- {title}")
    for name, value in results.items():
        print(f"{name}: {json.dumps(value)}", flush=True)


if __name__ == "__main__":
    main()
