"""What train.py is told: hyperparameters as arguments, folders from SageMaker's variables or by hand."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

from training.data.augmentation import MAX_VIEWS
from training.engine.served_model import machine_architecture
from training.failures import ArgumentError
from training.features.precision import PRECISIONS
from training.models.backbones import BACKBONES
from training.settings import ARCHITECTURES, CLASS_WEIGHTS, INT8, Cut, HeadSettings, Settings, TuningSettings

Number = TypeVar("Number", int, float)

_MAX_SEED = 2**31 - 1
# The backbones halve an image five times.
_IMAGE_SIZE_STEP = 32


def parse_arguments(arguments: list[str], environment: Mapping[str, str]) -> Settings:
    """Settings from a command line and from SM_CHANNEL_*, SM_MODEL_DIR and SM_OUTPUT_DATA_DIR.

    Raises ArgumentError, which names the argument that is unknown, missing or out of range.
    """
    values = _parser(environment).parse_args(arguments)
    for name in ("dataset", "weights", "model_dir", "output_dir"):
        if getattr(values, name) is None:
            raise ArgumentError(f"--{name.replace('_', '-')} is missing, and so is its SageMaker variable")
    if values.valid_share + values.test_share > 0.8:
        raise ArgumentError("--valid-share and --test-share together leave less than a fifth to train on")
    only_size = BACKBONES[values.backbone].only_image_size
    if only_size not in (None, values.image_size):
        raise ArgumentError(
            f"--image-size is {values.image_size}, but {values.backbone} takes images of "
            f"{only_size} pixels only"
        )
    return Settings(
        dataset=values.dataset,
        weights=values.weights,
        champion=values.champion,
        model_dir=values.model_dir,
        output_dir=values.output_dir,
        checkpoint_dir=values.checkpoint_dir,
        run_id=values.run_id,
        layout_sha256=values.layout_sha256 or None,
        inspection_findings=values.inspection_findings,
        backbone=values.backbone,
        image_size=values.image_size,
        cut=Cut(values.valid_share, values.test_share, values.seed),
        precision=values.precision,
        int8=values.int8,
        int8_max_accuracy_loss=values.int8_max_accuracy_loss,
        serving_architecture=(
            machine_architecture() if values.serving_architecture == "auto" else values.serving_architecture
        ),
        views=values.views,
        head=HeadSettings(
            epochs=values.epochs,
            batch_size=values.batch_size,
            learning_rate=values.learning_rate,
            warmup_epochs=values.warmup_epochs,
            weight_decay=values.weight_decay,
            label_smoothing=values.label_smoothing,
            class_weights=values.class_weights,
            seed=values.seed,
        ),
        tuning=TuningSettings(
            blocks=values.fine_tune,
            epochs=values.fine_tune_epochs,
            batch_size=values.fine_tune_batch_size,
            learning_rate=values.fine_tune_learning_rate,
        ),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentError(message)


def _parser(environment: Mapping[str, str]) -> _Parser:
    parser = _Parser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    for flag, variable in (
        ("--dataset", "SM_CHANNEL_DATASET"),
        ("--weights", "SM_CHANNEL_WEIGHTS"),
        ("--champion", "SM_CHANNEL_CHAMPION"),
        ("--model-dir", "SM_MODEL_DIR"),
        ("--output-dir", "SM_OUTPUT_DATA_DIR"),
    ):
        folder = environment.get(variable)
        add(flag, type=Path, default=Path(folder) if folder else None, help=f"default: ${variable}")
    checkpoints = _checkpoint_folder(environment)
    add("--checkpoint-dir", type=Path, default=checkpoints, help="to go on after a stop; by hand: none")
    add("--run-id", default="by-hand")
    add("--layout-sha256", help="of the dataset's layout, by its inspection; another layout is refused")
    add("--inspection-findings", default="", help="what its inspection warns of, for the report")
    add("--backbone", choices=sorted(BACKBONES), default="efficientnet_lite0")
    add("--epochs", type=_number(int, 1, 1000), default=60, help="at most; training stops when it stalls")
    add("--batch-size", type=_number(int, 1, 4096), default=64, help="of the head's training")
    add("--learning-rate", type=_number(float, 1e-6, 1.0), default=1e-3)
    add("--warmup-epochs", type=_number(int, 0, 100), default=1, help="with a rising learning rate")
    add("--weight-decay", type=_number(float, 0.0, 1.0), default=1e-3)
    add("--label-smoothing", type=_number(float, 0.0, 0.5), default=0.1)
    add("--class-weights", choices=CLASS_WEIGHTS, default="none", help="balanced: rare classes count more")
    add("--views", type=_number(int, 1, MAX_VIEWS), default=1, help="of each photo that the head learns from")
    add(
        "--fine-tune",
        type=_number(int, 0, 24),
        default=0,
        help="blocks of the backbone to train on, from the last",
    )
    add("--fine-tune-epochs", type=_number(int, 1, 100), default=5)
    add("--fine-tune-batch-size", type=_number(int, 2, 512), default=32)
    add("--fine-tune-learning-rate", type=_number(float, 1e-7, 0.1), default=1e-4)
    add("--seed", type=_number(int, 0, _MAX_SEED), default=0)
    add("--image-size", type=_image_size, default=224, help="pixels a side; a multiple of 32")
    add(
        "--valid-share", type=_number(float, 0.05, 0.5), default=0.15, help="cut where there is no such split"
    )
    add("--test-share", type=_number(float, 0.05, 0.5), default=0.2, help="cut where there is no such split")
    add(
        "--precision",
        choices=["auto", *PRECISIONS],
        default="auto",
        help="of the features to train on; auto: bfloat16 where that is measured to be clearly faster",
    )
    add("--int8", choices=INT8, default="auto", help="auto: serve int8 where the validation photos allow it")
    add(
        "--int8-max-accuracy-loss",
        type=_number(float, 0.0, 1.0),
        default=0.005,
        help="on the validation photos, for int8 to be served",
    )
    add(
        "--serving-architecture",
        choices=["auto", *ARCHITECTURES],
        default="auto",
        help="of the endpoint's processor; auto: as this machine's",
    )
    return parser


def _checkpoint_folder(environment: Mapping[str, str]) -> Path | None:
    """Where SageMaker keeps checkpoints, beside the input folder that its toolkit names: /opt/ml/checkpoints.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
    """
    folder = environment.get("SM_INPUT_DIR")
    return Path(folder).parent / "checkpoints" if folder else None


def _number(kind: type[Number], low: Number, high: Number) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of type {kind.__name__}") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    return parse


def _image_size(text: str) -> int:
    size = _number(int, 64, 640)(text)
    if size % _IMAGE_SIZE_STEP:
        raise argparse.ArgumentTypeError(f"{size} is not a multiple of {_IMAGE_SIZE_STEP}")
    return size
