"""Our training against the reference recipe and its floor; results in benchmarks/results/training.json.

Contestants take turns, round by round, each in a process of its own; every claim is a ratio of one round.
`reference_over_ours` and `time_over_floor` are of whole processes, from their start to the last file written:
what a user waits for. `--quick` tries everything out on few photos and writes no results.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from support.contestants import BACKBONE, EPOCHS, Contestants, Run
from support.floor import find_fastest_way
from support.photo_sets import (
    DOG_CLASSES,
    DOG_IMAGES,
    PhotoSet,
    generate_dog_shaped,
    split_photos,
    unpack_tree,
)
from support.processes import run_program
from support.spread import ratios, spread

from deploy_scripts.demo_data import DEMO_GROUPS, SECOND_GROUPS, prepare_photos
from deploy_scripts.packaging.weights import shipped_weights

RESULTS = Path(__file__).parent / "results" / "training.json"
# Tried in this order until the reference's accuracy is reached.
EPOCH_LADDER = (1, 2, 3, 5, 10, 20, 60)


@dataclass(frozen=True)
class Scale:
    """How large a benchmark run is; `photos_per_class` bounds the real photos (None: all of them)."""

    rounds: int
    photos_per_class: int | None
    dog_images: int
    dog_classes: int
    floor_sample: int
    quiet_s: float
    tries: int


def main() -> None:
    """Run every part, print each as it ends, write the results."""
    options = _options()
    scale = _scale(options.rounds, options.quick, options.quiet_s, options.tries)
    with tempfile.TemporaryDirectory(prefix="dropserve-bench-") as name:
        results = _run_all(Path(name), scale)
    text = json.dumps(results, indent=1) + "\n"
    output = options.output or (None if options.quick else RESULTS)
    if output is None:
        print(text)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, "utf-8")
        print(f"written: {output}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few photos: a trial of the benchmark itself")
    parser.add_argument(
        "--quiet-s", type=float, default=20, help="wait so long for a quiet machine, each time"
    )
    parser.add_argument("--tries", type=int, default=2, help="of a run that other programs disturb")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name} beside the others")
    return parser.parse_args()


def _scale(rounds: int, quick: bool, quiet_s: float, tries: int) -> Scale:
    if quick:
        return Scale(rounds, 10, 10 * 40, 5, 40, quiet_s, tries)
    return Scale(rounds, None, DOG_IMAGES, DOG_CLASSES, 600, quiet_s, tries)


def _run_all(folder: Path, scale: Scale) -> dict[str, Any]:
    contestants = Contestants(_weights_folder(folder / "weights"), scale.quiet_s, scale.tries)
    everything = prepare_photos("all", DEMO_GROUPS | SECOND_GROUPS, at_most=scale.photos_per_class)
    photos = split_photos(everything.zip_file, folder / "photos")
    demo_zip = prepare_photos("food", DEMO_GROUPS, at_most=scale.photos_per_class).zip_file
    demo = split_photos(demo_zip, folder / "demo")
    real = _measure_real_photos(contestants, photos, scale)
    to_accuracy = _measure_time_to_accuracy(contestants, photos, real)
    knowledge = _compare_weights(contestants, demo, folder, scale)
    dogs = _measure_dog_shaped(contestants, folder / "dogs", scale)
    return {
        **{name: real[name] for name in ("reference_over_ours", "accuracy_ours", "accuracy_reference")},
        "time_over_floor": dogs["time_over_floor"],
        "peak_memory_ratio_10x": dogs["peak_memory_ratio_10x"],
        "method": " ".join((__doc__ or "").split()),
        "machine": _machine(),
        "rounds": scale.rounds,
        "epochs": EPOCHS,
        "backbone": BACKBONE,
        "real_photos": real,
        "time_to_reference_accuracy": to_accuracy,
        "pretrained_against_random": knowledge,
        "dog_shaped": dogs,
    }


def _measure_real_photos(contestants: Contestants, photos: PhotoSet, scale: Scale) -> dict[str, Any]:
    """The demo's nine groups: the reference, ours and the floor."""
    way, tried = find_fastest_way(
        lambda way: contestants.floor(photos.zip_file, way), "total_without_imports"
    )
    ours, references, floors = [], [], []
    for seed in range(scale.rounds):
        references.append(contestants.reference(photos, seed))
        ours.append(contestants.ours(photos.drop, seed))
        floors.append(contestants.floor(photos.zip_file, way))
    images = ours[0].figures["images"]
    results = {
        "images": images,
        **_against_reference(ours, references),
        "accuracy_ours": _accuracy(ours)["median"],
        "accuracy_reference": _accuracy(references)["median"],
        "accuracy_ours_rounds": _accuracy(ours),
        "accuracy_reference_rounds": _accuracy(references),
        **_against_floor(ours, floors),
        "floor_way": way,
        "floor_ways_tried": tried,
        "disturbance": _disturbance(ours=ours, reference=references, floor=floors),
        "runs": _records(ours=ours, reference=references, floor=floors),
    }
    _tell(f"{sum(images.values())} real photos", results)
    return results


def _measure_time_to_accuracy(
    contestants: Contestants, photos: PhotoSet, real: dict[str, Any]
) -> dict[str, Any]:
    """The shortest of our runs that reaches what the reference reaches, against its own time to there.

    The reference is timed to the first epoch that is as good as its end. `mended` is a kinder recipe than
    the reference, with Normalize and frozen BatchNorm: how good could two images at a time have been?
    """
    reference = contestants.reference(photos, 0, "--test-every-epoch")
    mended = contestants.reference(photos, 0, "--mended")
    target = max(reference.accuracy, real["accuracy_reference"])
    reached = next(
        (
            run
            for epochs in EPOCH_LADDER
            if (run := contestants.ours(photos.drop, 0, epochs=epochs)).accuracy >= target
        ),
        None,
    )
    by_itself = contestants.ours(photos.drop, 0, epochs=None)
    reference_s, reference_epochs = _time_to_own_accuracy(reference)
    results: dict[str, Any] = {
        "target_accuracy": target,
        "reference_s": round(reference_s, 3),
        "reference_epochs": reference_epochs,
        "ours": reached.record() if reached else None,
        "reference_over_ours": round(reference_s / reached.wall_s, 2) if reached else None,
        "accuracy_reference_mended": mended.accuracy,
        "ours_without_a_limit_of_epochs": by_itself.record(),
    }
    _tell("time to the reference's accuracy", results)
    return results


def _time_to_own_accuracy(reference: Run) -> tuple[float, int]:
    """Seconds and epochs to the first epoch whose test accuracy is that of the end; saving counts."""
    seconds = reference.figures["seconds"]
    spent = seconds["imports"] + seconds["setup"] + seconds["save"]
    for number, epoch in enumerate(reference.figures["epochs"], 1):
        spent += epoch["train_s"] + epoch["valid_s"]
        if epoch["test_accuracy"] >= reference.accuracy:
            return spent, number
    raise AssertionError("the last epoch has the accuracy of the end")


def _compare_weights(contestants: Contestants, demo: PhotoSet, folder: Path, scale: Scale) -> dict[str, Any]:
    """The demo's photos with ImageNet weights and with random ones; as many epochs as training takes."""
    pretrained, at_random = [], []
    for seed in range(scale.rounds):
        weights = folder / f"random-{seed}"
        weights.mkdir()
        arguments = [
            "-m",
            "support.random_weights",
            "--photos",
            str(demo.tree / "train"),
            "--seed",
            str(seed),
        ]
        run_program([*arguments, "--to", weights / f"{BACKBONE}.pth"], folder / "log.txt")
        pretrained.append(contestants.ours(demo.drop, seed, epochs=None))
        at_random.append(contestants.ours(demo.drop, seed, epochs=None, weights=weights))
    results = {
        "images": pretrained[0].figures["images"],
        "accuracy_pretrained": _accuracy(pretrained),
        "accuracy_random": _accuracy(at_random),
        "chance": round(1 / len(pretrained[0].figures["classes"]), 3),
    }
    _tell("pretrained against random weights, demo photos", results)
    return results


def _measure_dog_shaped(contestants: Contestants, folder: Path, scale: Scale) -> dict[str, Any]:
    """Generated photos in the shape of dogImages, and a tenth as many: speed, floor, memory."""
    tenth_drop = generate_dog_shaped(folder / "tenth", scale.dog_images // 10, scale.dog_classes)
    tenth = unpack_tree(tenth_drop, folder / "tree")
    drop = generate_dog_shaped(folder / "whole", scale.dog_images, scale.dog_classes)
    zip_file = drop / "photos.zip"
    way, tried = find_fastest_way(
        lambda way: contestants.floor(zip_file, way, limit=scale.floor_sample), "pass"
    )
    ours, floors, small, references = [], [], [], []
    for seed in range(scale.rounds):
        ours.append(contestants.ours(drop, seed))
        floors.append(contestants.floor(zip_file, way))
        small.append(contestants.ours(tenth.drop, seed))
        references.append(contestants.reference(tenth, seed))
    results = {
        "images": ours[0].figures["images"],
        "classes": len(ours[0].figures["classes"]),
        "images_per_s": spread(scale.dog_images / run.wall_s for run in ours),
        **_against_floor(ours, floors),
        "peak_memory_ratio_10x": _memory_ratio(ours, small)["median"],
        "peak_memory_ratio_10x_rounds": _memory_ratio(ours, small),
        "peak_memory_mib": spread(run.usage.peak_memory_bytes / 2**20 for run in ours),
        "a_tenth": {"images": small[0].figures["images"], **_against_reference(small, references)},
        "floor_way": way,
        "floor_ways_tried": tried,
        "disturbance": _disturbance(
            ours=ours, floor=floors, ours_a_tenth=small, reference_a_tenth=references
        ),
        "runs": _records(ours=ours, floor=floors, ours_a_tenth=small, reference_a_tenth=references),
    }
    _tell(f"{scale.dog_images} photos in the shape of dogImages", results)
    return results


def _against_reference(ours: list[Run], references: list[Run]) -> dict[str, Any]:
    """Ratios of time. The last one gives the reference its validation, which its epochs need not have."""
    spared = [run.wall_s - run.figures["seconds"]["valid"] for run in references]
    return {
        "reference_over_ours": ratios(_walls(references), _walls(ours)),
        "reference_over_ours_without_imports": ratios(_without_imports(references), _without_imports(ours)),
        "reference_over_ours_cpu": ratios(_cpu(references), _cpu(ours)),
        "reference_without_validation_over_ours": ratios(spared, _walls(ours)),
    }


def _against_floor(ours: list[Run], floors: list[Run]) -> dict[str, Any]:
    return {
        "time_over_floor": ratios(_walls(ours), _walls(floors)),
        "time_over_floor_without_imports": ratios(_without_imports(ours), _without_imports(floors)),
        "time_over_floor_cpu": ratios(_cpu(ours), _cpu(floors)),
        "seconds_by_phase": _phases(ours),
        "floor_seconds_by_phase": _phases(floors),
    }


def _memory_ratio(large: list[Run], small: list[Run]) -> dict[str, float]:
    return ratios(
        (run.usage.peak_memory_bytes for run in large), (run.usage.peak_memory_bytes for run in small)
    )


def _disturbance(**contestants: list[Run]) -> dict[str, float]:
    """The largest share of the cores that other programs had: above 0.1, measure again."""
    return {name: max(run.usage.others_share for run in runs) for name, runs in contestants.items()}


def _phases(runs: list[Run]) -> dict[str, float]:
    """Median seconds of each phase that the program reports, and of the rest: start, imports, end."""
    phases = {
        name: median(run.figures["seconds"][name] for run in runs) for name in runs[0].figures["seconds"]
    }
    phases["outside"] = median(run.wall_s - run.without_imports_s for run in runs)
    phases["process"] = median(_walls(runs))
    return {name: round(seconds, 3) for name, seconds in phases.items()}


def _walls(runs: Iterable[Run]) -> list[float]:
    return [run.wall_s for run in runs]


def _without_imports(runs: Iterable[Run]) -> list[float]:
    return [run.without_imports_s for run in runs]


def _cpu(runs: Iterable[Run]) -> list[float]:
    return [run.usage.cpu_s for run in runs]


def _accuracy(runs: Iterable[Run]) -> dict[str, float]:
    return spread(run.accuracy for run in runs)


def _records(**contestants: list[Run]) -> dict[str, Any]:
    return {name: [run.record() for run in runs] for name, runs in contestants.items()}


def _weights_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{BACKBONE}.pth").symlink_to(shipped_weights())
    return folder


def _machine() -> dict[str, Any]:
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return {
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "pillow")},
    }


def _tell(title: str, results: dict[str, Any]) -> None:
    print(f"\n-- {title}")
    for name, value in results.items():
        if name not in {"runs", "floor_ways_tried"}:
            print(f"{name}: {json.dumps(value)}", flush=True)


if __name__ == "__main__":
    main()
