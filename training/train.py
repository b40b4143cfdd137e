"""Trains an image classifier on a drop: a pretrained backbone, frozen, and a linear head.

Runs unchanged under SageMaker's training toolkit, on an EC2 instance (ec2_boot.sh) and by hand:
`python train.py --dataset FOLDER --weights FOLDER --model-dir FOLDER --output-dir FOLDER`.
It leaves the model artefact in the model folder; metrics.json, report.html and smoke_test.jpg in the other.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import torch
from torch import nn

import memory
import progress
from arguments import Settings, parse_arguments
from artefact import write_artefact
from backbones import BACKBONES, load_pretrained, replace_head
from champion import compare_with_champion
from classifier import Classifier, pick_device
from clock import Clock
from dataset import SPLITS, Dataset, load_dataset
from errors import TrainingError
from evaluation import evaluate
from features import Features, Pass, compute_features
from head import Epoch, TrainedHead, train_head
from photo_source import PhotoSource, open_source
from precision import choose_precision
from results import Results, write_results
from smoke_photo import pick_smoke_photo

# SageMaker shows the first 1024 characters of this file as a job's FailureReason:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
_FAILURE_FILE = "failure"
_STOPPED = 128 + signal.SIGTERM


def main() -> int:
    """The exit status: 0, or 1 after a failure whose reason is one sentence."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        train(parse_arguments(sys.argv[1:], os.environ))
    except TrainingError as error:
        _report_failure(str(error))
        print(f"training failed: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        _report_failure(f"unexpected {type(error).__name__}: {error}")
        raise
    return 0


def train(settings: Settings) -> None:
    """The whole run: features once, head, evaluation, artefact, report.

    Raises TrainingError when weights, dataset or result do not allow a model.
    """
    memory.keep_freed_memory()
    torch.backends.cudnn.deterministic = True
    torch.set_num_threads(1)  # the cores are shared out by batches, see features.py
    clock = Clock()
    network = load_pretrained(settings.backbone, settings.weights)
    source = open_source(settings.dataset)
    with clock.measure("read"):
        dataset = _read_dataset(settings, source)
    with clock.measure("features"):
        run = _prepare_pass(settings, network, dataset, source)
        features = _compute_all(run, dataset)
    with clock.measure("head"):
        trained = _train_head(settings, dataset, features)
    with clock.measure("evaluate"):
        results = _evaluate(settings, run, dataset, features["test"], trained)
    _write(settings, results, clock)


def _read_dataset(settings: Settings, source: PhotoSource) -> Dataset:
    dataset = load_dataset(
        source,
        valid_share=settings.valid_share,
        test_share=settings.test_share,
        seed=settings.head.seed,
        threads=_cpu_count(),
    )
    counts = {f"images_{split}": len(photos) for split, photos in dataset.splits.items()}
    progress.say_phase("read", images_total=dataset.image_count, classes=len(dataset.classes), **counts)
    return dataset


def _prepare_pass(settings: Settings, network: nn.Module, dataset: Dataset, source: PhotoSource) -> Pass:
    """The backbone without its own head, laid out and placed where it runs fastest."""
    device = pick_device()
    replace_head(network, settings.backbone, nn.Identity())
    # channels_last is an overload that torch's stubs lack.
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = settings.precision
    if precision == "auto":
        precision = choose_precision(network, settings.image_size, dataset.image_count, device)
    progress.say_phase("prepare", device=device.type, precision=precision, threads=_cpu_count())
    preprocessing = BACKBONES[settings.backbone].preprocessing(settings.image_size)
    return Pass(network, device, precision, preprocessing, source, threads=_cpu_count())


def _compute_all(run: Pass, dataset: Dataset) -> dict[str, Features]:
    """Features by split. Those of the test are always in float32: the test tries what will be served."""
    total, done = dataset.image_count, 0

    def on_progress(count: int) -> None:
        nonlocal done
        done += count
        progress.say_features(done, total)

    features = {}
    for split in SPLITS:
        split_run = run.in_float32() if split == "test" else run
        features[split] = compute_features(split_run, dataset.splits[split], on_progress)
    dataset.drop_unreadable(failure for part in features.values() for failure in part.failures)
    return features


def _train_head(settings: Settings, dataset: Dataset, features: dict[str, Features]) -> TrainedHead:
    def on_epoch(epoch: Epoch) -> None:
        progress.say_epoch(
            epoch.epoch,
            train_loss=epoch.train_loss,
            train_accuracy=epoch.train_accuracy,
            valid_loss=epoch.valid_loss,
            valid_accuracy=epoch.valid_accuracy,
        )

    train_features, valid_features = features["train"], features["valid"]
    return train_head(
        (train_features.outputs, train_features.labels),
        (valid_features.outputs, valid_features.labels),
        len(dataset.classes),
        settings.head,
        on_epoch,
    )


def _evaluate(
    settings: Settings, run: Pass, dataset: Dataset, test: Features, trained: TrainedHead
) -> Results:
    with torch.inference_mode():
        logits = trained.layer(test.outputs)
    evaluation = evaluate(logits, test.labels, dataset.classes)
    progress.say_test(accuracy=evaluation.accuracy, loss=evaluation.loss)
    champion = None
    if settings.champion is not None:
        right = logits.argmax(1) == test.labels
        champion = compare_with_champion(settings.champion, dataset.classes, test, right, run.in_float32())
        progress.say_phase("champion", comparable=champion["comparable"], accuracy=champion["accuracy"])
    replace_head(run.network, settings.backbone, trained.layer.to(run.device))
    classifier = Classifier(
        run.network.eval(), settings.backbone, dataset.classes, run.preprocessing, run.device
    )
    smoke_photo = pick_smoke_photo(classifier, test, logits, run.source)
    return Results(classifier, dataset, run, trained, test, logits, evaluation, champion, smoke_photo)


def _write(settings: Settings, results: Results, clock: Clock) -> None:
    with _unstoppable():
        write_artefact(results.classifier, settings.model_dir)
        write_results(results, settings, clock.seconds())
    progress.say_phase("done", seconds=f"{clock.seconds()['total']:.1f}")


def _cpu_count() -> int:
    """The CPUs that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@contextmanager
def _unstoppable() -> Iterator[None]:
    """A stop in this block would leave half a model behind, and writing takes a moment only."""
    handler = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    _report_failure("the training was stopped by SIGTERM before it had finished")
    raise SystemExit(_STOPPED)


def _report_failure(sentence: str) -> None:
    """Where the toolkit keeps its output folder; by hand there is none, and stderr has the sentence."""
    folder = os.environ.get("SM_OUTPUT_DIR")
    if folder:
        # The toolkit does not make it, and calls a job without it a success.
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / _FAILURE_FILE).write_text(sentence, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
