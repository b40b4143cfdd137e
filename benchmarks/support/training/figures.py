"""What several runs of the training competitors say together."""

from collections.abc import Iterable
from statistics import median
from typing import Any

from benchmarks.support.spread import ratios, spread
from benchmarks.support.training.competitors import Run


def against_reference(ours: list[Run], references: list[Run]) -> dict[str, Any]:
    """Ratios of time. The last one gives the reference its validation, which its epochs need not have."""
    spared = [run.wall_s - run.figures["seconds"]["valid"] for run in references]
    return {
        "reference_over_ours": ratios(_walls(references), _walls(ours)),
        "reference_over_ours_without_imports": ratios(_without_imports(references), _without_imports(ours)),
        "reference_over_ours_cpu": ratios(_cpu(references), _cpu(ours)),
        "reference_without_validation_over_ours": ratios(spared, _walls(ours)),
    }


def against_floor(ours: list[Run], floors: list[Run]) -> dict[str, Any]:
    return {
        "time_over_floor": ratios(_walls(ours), _walls(floors)),
        "time_over_floor_without_imports": ratios(_without_imports(ours), _without_imports(floors)),
        "time_over_floor_cpu": ratios(_cpu(ours), _cpu(floors)),
        "seconds_by_phase": _phases(ours),
        "floor_seconds_by_phase": _phases(floors),
    }


def against_old(ours: list[Run], olds: list[Run]) -> dict[str, Any]:
    """Photos a second of the feature pass, which has left the test's photos to the served graph since."""
    return {
        "feature_pass_over_old": ratios(
            (_features_per_s(run, "train", "valid") for run in ours),
            (_features_per_s(run, "train", "valid", "test") for run in olds),
        ),
        "old_over_ours": ratios(_walls(olds), _walls(ours)),
        "accuracy_ours": accuracy(ours),
        "accuracy_old": accuracy(olds),
    }


def memory_ratio(large: list[Run], small: list[Run]) -> dict[str, float]:
    return ratios(
        (run.usage.peak_memory_bytes for run in large), (run.usage.peak_memory_bytes for run in small)
    )


def disturbance(**competitors: list[Run]) -> dict[str, float]:
    """The largest share of the cores that other programs had: above 0.1, measure again."""
    return {name: max(run.usage.others_share for run in runs) for name, runs in competitors.items()}


def _phases(runs: list[Run]) -> dict[str, float]:
    """Median seconds of each phase that the program reports, and of the rest: start, imports, end."""
    phases = {
        name: median(run.figures["seconds"][name] for run in runs) for name in runs[0].figures["seconds"]
    }
    phases["outside"] = median(run.wall_s - run.without_imports_s for run in runs)
    phases["process"] = median(_walls(runs))
    return {name: round(seconds, 3) for name, seconds in phases.items()}


def _features_per_s(run: Run, *splits: str) -> float:
    images: float = sum(run.figures["images"][split] for split in splits)
    return images / float(run.figures["seconds"]["features"])


def _walls(runs: Iterable[Run]) -> list[float]:
    return [run.wall_s for run in runs]


def _without_imports(runs: Iterable[Run]) -> list[float]:
    return [run.without_imports_s for run in runs]


def _cpu(runs: Iterable[Run]) -> list[float]:
    return [run.usage.cpu_s for run in runs]


def accuracy(runs: Iterable[Run]) -> dict[str, float]:
    return spread(run.accuracy for run in runs)
