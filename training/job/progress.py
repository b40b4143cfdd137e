"""What training says on stdout, and the regexes that read it: SageMaker turns them into metrics of the job.

The lines are an interface: METRIC_DEFINITIONS is what CreateTrainingJob wants as
AlgorithmSpecification.MetricDefinitions.
"""

from drops.text import printable

METRIC_DEFINITIONS: list[dict[str, str]] = [
    {"Name": "train:loss", "Regex": r"epoch=[0-9]+ train_loss=([0-9.]+)"},
    {"Name": "train:accuracy", "Regex": r"epoch=.* train_accuracy=([0-9.]+)"},
    {"Name": "valid:loss", "Regex": r"epoch=.* valid_loss=([0-9.]+)"},
    {"Name": "valid:accuracy", "Regex": r"epoch=.* valid_accuracy=([0-9.]+)"},
    {"Name": "features:images_done", "Regex": r"phase=features images_done=([0-9]+)"},
    {"Name": "test:accuracy", "Regex": r"test_accuracy=([0-9.]+)"},
    {"Name": "test:loss", "Regex": r"test_loss=([0-9.]+)"},
]


def say(line: str) -> None:
    """One line on stdout, at once, whatever names stand in it: a log that is read while the job runs."""
    print(printable(line), flush=True)


def say_phase(phase: str, **figures: object) -> None:
    """`phase=read images_total=238 classes=5`."""
    say(" ".join([f"phase={phase}", *(f"{name}={value}" for name, value in figures.items())]))


def say_images(phase: str, images_done: int, images_total: int) -> None:
    """`phase=features images_done=120 images_total=238`."""
    say_phase(phase, images_done=images_done, images_total=images_total)


def say_epoch(
    epoch: int, *, train_loss: float, train_accuracy: float, valid_loss: float, valid_accuracy: float
) -> None:
    """`epoch=3 train_loss=0.5100 train_accuracy=0.8800 valid_loss=0.6200 valid_accuracy=0.8400`."""
    say(
        f"epoch={epoch} train_loss={train_loss:.4f} train_accuracy={train_accuracy:.4f}"
        f" valid_loss={valid_loss:.4f} valid_accuracy={valid_accuracy:.4f}"
    )


def say_test(*, accuracy: float, loss: float) -> None:
    """`test_accuracy=0.8913 test_loss=0.3712`."""
    say(f"test_accuracy={accuracy:.4f} test_loss={loss:.4f}")
