"""The questions that benchmarks/training.py asks; each is measured by itself, in some minutes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.processes import run_program
from benchmarks.support.spread import spread
from benchmarks.support.training.competitors import BACKBONE, Competitors, Run
from benchmarks.support.training.figures import (
    accuracy,
    against_floor,
    against_old,
    against_reference,
    disturbance,
    memory_ratio,
)
from benchmarks.support.training.floor import find_fastest_way
from benchmarks.support.training.photo_sets import (
    DOG_CLASSES,
    DOG_IMAGES,
    PhotoSet,
    generate_dog_shaped,
    split_photos,
    unpack_tree,
    write_digits,
)
from benchmarks.support.training.served_graphs import compare_graphs
from deploy_scripts.demo_data import DEMO_GROUPS, SECOND_GROUPS, prepare_photos

# Tried in this order until the reference's accuracy is reached.
_EPOCH_LADDER = (1, 2, 3, 5, 10, 20, 60)
_FLOOR_SAMPLE = 600


@dataclass(frozen=True)
class Bench:
    """Who runs, how often, in which scratch folder; `quick`: with few photos, to try the benchmark itself."""

    competitors: Competitors
    folder: Path
    rounds: int
    quick: bool

    def real_photos(self) -> PhotoSet:
        """The nine groups of real photos that the demo draws on."""
        everything = prepare_photos("all", DEMO_GROUPS | SECOND_GROUPS, at_most=10 if self.quick else None)
        return split_photos(everything.zip_file, self.folder / "photos")

    def dog_shaped(self, share: float = 1.0) -> Path:
        """A drop of generated photos, this share of the number that dogImages has."""
        images, classes = (400, 5) if self.quick else (DOG_IMAGES, DOG_CLASSES)
        return generate_dog_shaped(self.folder / f"dogs-{share:g}", round(share * images), classes)


def measure_real_photos(bench: Bench) -> dict[str, Any]:
    """The demo's nine groups: the reference, ours and the floor."""
    competitors, photos = bench.competitors, bench.real_photos()
    way = find_fastest_way(lambda way: competitors.floor(photos.zip_file, way), "total_without_imports")
    ours, references, floors = [], [], []
    for seed in range(bench.rounds):
        references.append(competitors.reference(photos, seed))
        ours.append(competitors.ours(photos.drop, seed))
        floors.append(competitors.floor(photos.zip_file, way))
    return {
        "images": ours[0].figures["images"],
        **against_reference(ours, references),
        "accuracy_ours": accuracy(ours),
        "accuracy_reference": accuracy(references),
        **against_floor(ours, floors),
        "floor_way": way,
        "disturbance": disturbance(ours=ours, reference=references, floor=floors),
    }


def measure_time_to_accuracy(bench: Bench) -> dict[str, Any]:
    """The shortest of our runs that reaches what the reference reaches, against its own time to there.

    The reference is timed to the first epoch that is as good as its end. `corrected` is a kinder recipe than
    the reference, with Normalize and frozen BatchNorm: how good could two images at a time have been?
    """
    competitors, photos = bench.competitors, bench.real_photos()
    reference = competitors.reference(photos, 0, "--test-every-epoch")
    corrected = competitors.reference(photos, 0, "--corrected")
    reached = next(
        (
            run
            for epochs in _EPOCH_LADDER
            if (run := competitors.ours(photos.drop, 0, epochs=epochs)).accuracy >= reference.accuracy
        ),
        None,
    )
    by_itself = competitors.ours(photos.drop, 0, epochs=None)
    reference_s, reference_epochs = _time_to_own_accuracy(reference)
    return {
        "target_accuracy": reference.accuracy,
        "reference_s": round(reference_s, 3),
        "reference_epochs": reference_epochs,
        "ours": reached.record() if reached else None,
        "reference_over_ours": round(reference_s / reached.wall_s, 2) if reached else None,
        "accuracy_reference_corrected": corrected.accuracy,
        "ours_without_a_limit_of_epochs": by_itself.record(),
    }


def _time_to_own_accuracy(reference: Run) -> tuple[float, int]:
    """Seconds and epochs to the first epoch whose test accuracy is that of the end; saving counts."""
    seconds = reference.figures["seconds"]
    spent = seconds["imports"] + seconds["setup"] + seconds["save"]
    for number, epoch in enumerate(reference.figures["epochs"], 1):
        spent += epoch["train_s"] + epoch["valid_s"]
        if epoch["test_accuracy"] >= reference.accuracy:
            return spent, number
    raise AssertionError("the last epoch has the accuracy of the end")


def measure_weights(bench: Bench) -> dict[str, Any]:
    """The demo's photos with ImageNet weights and with random ones; as many epochs as training takes."""
    demo_zip = prepare_photos("food", DEMO_GROUPS, at_most=10 if bench.quick else None).zip_file
    demo = split_photos(demo_zip, bench.folder / "demo")
    pretrained, at_random = [], []
    for seed in range(bench.rounds):
        weights = bench.folder / f"random-{seed}"
        weights.mkdir()
        arguments: list[str | Path] = [
            "-m",
            "benchmarks.support.training.random_weights",
            "--photos",
            demo.tree / "train",
        ]
        arguments += ["--seed", str(seed), "--to", weights / f"{BACKBONE}.pth"]
        run_program(arguments, bench.folder / "log.txt")
        pretrained.append(bench.competitors.ours(demo.drop, seed, epochs=None))
        at_random.append(bench.competitors.ours(demo.drop, seed, epochs=None, weights=weights))
    return {
        "images": pretrained[0].figures["images"],
        "accuracy_pretrained": accuracy(pretrained),
        "accuracy_random": accuracy(at_random),
        "chance": round(1 / len(pretrained[0].figures["classes"]), 3),
    }


def measure_against_floor(bench: Bench) -> dict[str, Any]:
    """Photos in the shape of dogImages, and a tenth as many: speed, floor, the old training, memory."""
    competitors, drop, tenth = bench.competitors, bench.dog_shaped(), bench.dog_shaped(0.1)
    zip_file = drop / "photos.zip"
    way = find_fastest_way(lambda way: competitors.floor(zip_file, way, limit=_FLOOR_SAMPLE), "pass")
    ours, olds, floors, small = [], [], [], []
    for seed in range(bench.rounds):
        ours.append(competitors.ours(drop, seed))
        olds.append(competitors.old(drop, seed))
        floors.append(competitors.floor(zip_file, way))
        small.append(competitors.ours(tenth, seed))
    images = ours[0].figures["images"]
    return {
        "images": images,
        "classes": len(ours[0].figures["classes"]),
        "images_per_s": spread(sum(images.values()) / run.wall_s for run in ours),
        **against_floor(ours, floors),
        **against_old(ours, olds),
        "peak_memory_ratio_10x": memory_ratio(ours, small),
        "peak_memory_mib": spread(run.usage.peak_memory_bytes / 2**20 for run in ours),
        "floor_way": way,
        "disturbance": disturbance(ours=ours, old=olds, floor=floors, ours_a_tenth=small),
    }


def measure_against_reference(bench: Bench) -> dict[str, Any]:
    """Photos in the shape of dogImages, as many as that has, against the recipe that was written for it."""
    drop = bench.dog_shaped()
    photos = unpack_tree(drop, bench.folder / "tree")
    ours, references = [], []
    for seed in range(bench.rounds):
        references.append(bench.competitors.reference(photos, seed))
        ours.append(bench.competitors.ours(drop, seed))
    return {
        "images": ours[0].figures["images"],
        **against_reference(ours, references),
        "accuracy_ours": accuracy(ours),
        "accuracy_reference": accuracy(references),
        "disturbance": disturbance(ours=ours, reference=references),
    }


def measure_served_graphs(bench: Bench) -> dict[str, Any]:
    """The demo's photos and handwritten digits: test accuracy by torch and by both graphs."""
    food = prepare_photos("food", DEMO_GROUPS, at_most=10 if bench.quick else None).zip_file
    digits = write_digits(bench.folder / "digits.zip", at_most=300 if bench.quick else None)
    return {
        "demo": compare_graphs(food, bench.folder / "served-demo"),
        "digits": compare_graphs(digits, bench.folder / "served-digits"),
    }


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "real_photos": measure_real_photos,
    "time_to_reference_accuracy": measure_time_to_accuracy,
    "pretrained_against_random": measure_weights,
    "served_graphs": measure_served_graphs,
    "dog_shaped_floor": measure_against_floor,
    "dog_shaped_reference": measure_against_reference,
}
