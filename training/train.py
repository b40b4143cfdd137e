"""Trains an image classifier on a drop: a pretrained backbone, frozen, and a linear head.

Runs unchanged under SageMaker's training toolkit, on an EC2 instance (ec2/boot.sh) and by hand:
`python -m training.train --dataset FOLDER --weights FOLDER --model-dir FOLDER --output-dir FOLDER`, or with
`torchrun --nproc-per-node 2` for `python`: several processes then share the feature pass.
It leaves the model artefact in the model folder; metrics.json, report.html, model_card.html,
doctor.json, review.csv, test_predictions.jsonl and the acceptance sample in the other.
"""

import os
import signal
import sys
from pathlib import Path

import torch

from training.arguments import parse_arguments
from training.data.dataset import Dataset, load_dataset
from training.data.folder_drop import open_dataset
from training.data.photo_source import PhotoSource
from training.doctor.in_training import examine_training
from training.evaluation.acceptance_sample import take_sample
from training.evaluation.calibration import measure_calibration
from training.evaluation.champion import compare_with_champion
from training.evaluation.metrics import evaluate
from training.export.artefact import write_artefact
from training.export.served_model import ServedModel
from training.export.served_precision import Learned, choose_served_model
from training.failures import ArgumentError, TrainingError, describe_error, explained
from training.features.extraction import Features, Pass, compute_features
from training.features.preparation import compute_all, count_photos, prepare_backbone
from training.job import progress
from training.job.checkpoints import Checkpoints, Session
from training.job.clock import Clock
from training.job.distributed import ProcessGroup, join_process_group
from training.job.failure_file import give_up_failure_file, report_failure, reserve_failure_file
from training.job.stop_signal import StoppedError, StopSignal
from training.models.backbones import blocks_of, load_pretrained, replace_head
from training.models.fine_tuning import fine_tune
from training.models.head import Epoch, HeadData, Labelled, TrainedHead, train_head
from training.report.results import Results, Tested, write_results
from training.settings import Settings

_STOPPED = 128 + signal.SIGTERM


def main() -> int:
    """The exit status: 0, 143 after a stop, or 1 after a failure whose reason is one sentence."""
    stop = StopSignal()
    stop.listen()
    reserve_failure_file()
    written = [Path.cwd()]
    try:
        settings = parse_arguments(sys.argv[1:], os.environ)
        written += [settings.model_dir, settings.output_dir]
        with join_process_group(os.environ, stop) as group:
            train(settings, stop, group)
    except StoppedError as stopped:
        report_failure(str(stopped))
        return _STOPPED
    except Exception as fault:
        error = explained(fault, written)
        sentence = describe_error(error)
        report_failure(sentence)
        if not isinstance(error, TrainingError):
            raise
        print(f"training failed: {sentence}", file=sys.stderr)
        return 1
    give_up_failure_file()
    return 0


def train(settings: Settings, stop: StopSignal | None = None, group: ProcessGroup | None = None) -> None:
    """The whole run: features once, head, last blocks if wished, evaluation, artefact, report.

    Raises TrainingError when weights, dataset or result do not allow a model, and StoppedError when told to
    stop before the results are written.
    """
    group = group or ProcessGroup()
    checkpoints = Checkpoints(settings.checkpoint_dir if group.is_rank_zero else None)
    session = Session(checkpoints, stop or StopSignal(), group)
    torch.backends.cudnn.deterministic = True
    torch.set_num_threads(1)  # the cores are shared out by batches, see features.py
    clock = Clock()
    network = load_pretrained(settings.backbone, settings.weights)
    _check_blocks(settings, len(blocks_of(network, settings.backbone)))
    source = open_dataset(settings.dataset, session.stop)
    with clock.measure("read"):
        dataset = _read_dataset(settings, source, session)
    with clock.measure("features"):
        prepared = prepare_backbone(settings, network, dataset, source, session)
        features = compute_all(prepared, dataset, settings.views)
    if not group.is_rank_zero:
        return  # the first process has the features, and SageMaker packs what all of them write into one
    with clock.measure("doctor"):
        examination, features = examine_training(dataset, features, prepared.run)
        found = examination.findings
        progress.say_phase("doctor", findings=len(found.photos) + len(found.classes))
    with clock.measure("head"):
        trained = _train_head(settings, dataset, features, session)
        replace_head(network, settings.backbone, trained.layer.to(prepared.device))
    if settings.tuning.blocks:
        with clock.measure("fine_tune"):
            trained = fine_tune(prepared, dataset.splits, settings, trained, _say_epoch)
    learned = Learned(prepared, trained, dataset, features["train"], features["valid"])
    chosen = choose_served_model(settings, learned, clock)
    with clock.measure("evaluate"):
        tested = _evaluate(settings, prepared.run, dataset, chosen.served)
        chosen = chosen.with_drift_reference(tested.logits.numpy(), tested.unknown_scores)
    # Behind all that is chosen and measured: no label of the test decides about the model.
    probabilities = tested.probabilities(chosen.served.description.temperature)
    doctor = examination.report(tested.test.photos, probabilities, settings.run_id, source)
    results = Results(chosen, dataset, source, prepared.precision, trained, tested, doctor)
    write_artefact(chosen.served, network, settings.model_dir)
    write_results(results, settings, clock)
    progress.say_phase("done", seconds=f"{clock.seconds()['total']:.1f}")


def _check_blocks(settings: Settings, count: int) -> None:
    if settings.tuning.blocks > count:
        raise ArgumentError(
            f"--fine-tune is {settings.tuning.blocks}, but {settings.backbone} has {count} blocks"
        )


def _read_dataset(settings: Settings, source: PhotoSource, session: Session) -> Dataset:
    dataset = load_dataset(
        source,
        settings.split,
        threads=session.group.cores,
        stop=session.stop,
        inspected_sha256=settings.layout_sha256,
    )
    counts = {f"images_{split}": len(photos) for split, photos in dataset.splits.items()}
    progress.say_phase("read", images_total=dataset.image_count, classes=len(dataset.classes), **counts)
    return dataset


def _train_head(
    settings: Settings, dataset: Dataset, features: dict[str, Features], session: Session
) -> TrainedHead:
    learn, check = (Labelled(features[split].file, features[split].labels) for split in ("train", "valid"))
    return train_head(HeadData(learn, check, len(dataset.classes)), settings.head, _say_epoch, session)


def _say_epoch(epoch: Epoch) -> None:
    progress.say_epoch(
        epoch.epoch,
        train_loss=epoch.train_loss,
        train_accuracy=epoch.train_accuracy,
        valid_loss=epoch.valid_loss,
        valid_accuracy=epoch.valid_accuracy,
    )


def _evaluate(settings: Settings, run: Pass, dataset: Dataset, served: ServedModel) -> Tested:
    """The served graph on the test photos, and the champion's on the same ones."""
    run = run.on_engine(served.rows)
    photos = dataset.splits["test"]
    test = compute_features(run, photos, count_photos("evaluate", len(photos)))
    dataset.drop_unreadable(test.failures)
    logits, unknown = test.outputs[:, : len(served.classes)], test.outputs[:, len(served.classes) :]
    temperature = served.description.temperature
    evaluation = evaluate(logits, test.labels, dataset.classes)
    progress.say_test(accuracy=evaluation.accuracy, loss=evaluation.loss)
    champion = None
    if settings.champion is not None:
        right = logits.argmax(1) == test.labels
        champion = compare_with_champion(settings.champion, dataset.classes, test, right, run)
        progress.say_phase("champion", comparable=champion["comparable"], accuracy=champion["accuracy"])
    return Tested(
        test=test,
        logits=logits,
        unknown_scores=unknown[:, 0].numpy() if unknown.shape[1] else None,
        evaluation=evaluation,
        calibration=measure_calibration(logits, test.labels, temperature),
        champion=champion,
        acceptance=take_sample(served, test.photos, run.source, settings.run_id),
    )


if __name__ == "__main__":
    exit_status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python's own way out would unload torch first, for half a second.
    os._exit(exit_status)
