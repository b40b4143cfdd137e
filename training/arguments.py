"""What train.py is told: hyperparameters as arguments, folders from SageMaker's variables or by hand."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from contracts.training_job import CHANNELS, CHOICES, NUMBERS, Number, shares_fault
from training.export.served_model import machine_architecture
from training.failures import ArgumentError
from training.features.precision import PRECISIONS
from training.models.backbones import BACKBONES
from training.settings import HeadSettings, Settings, SplitConfig, TuningSettings

_HELP = {
    "epochs": "at most; training stops when it stalls",
    "batch-size": "of the head's training",
    "warmup-epochs": "with a rising learning rate",
    "class-weights": "balanced: rare classes count more",
    "views": "of each photo that the head learns from",
    "fine-tune": "blocks of the backbone to train on, from the last",
    "image-size": "pixels a side; a multiple of 32",
    "valid-share": "split off where there is no such split",
    "test-share": "split off where there is no such split",
    "int8": "auto: serve int8 where the validation photos allow it",
    "int8-max-accuracy-loss": "on the validation photos, for int8 to be served",
    "unknown-false-alarm-rate": "share of photos like the training's that may be called unknown; 0: off",
    "serving-architecture": "of the endpoint's processor; auto: as this machine's",
}


def parse_arguments(arguments: list[str], environment: Mapping[str, str]) -> Settings:
    """Settings from a command line and from SM_CHANNEL_*, SM_MODEL_DIR and SM_OUTPUT_DATA_DIR.

    Raises ArgumentError, which names the argument that is unknown, missing or out of range.
    """
    values = _parser(environment).parse_args(arguments)
    for name in ("dataset", "weights", "model_dir", "output_dir"):
        if getattr(values, name) is None:
            raise ArgumentError(f"--{name.replace('_', '-')} is missing, and so is its SageMaker variable")
    if fault := shares_fault({"valid-share": values.valid_share, "test-share": values.test_share}):
        raise ArgumentError(fault)
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
        drop=values.drop,
        drop_version=values.drop_version,
        machine=values.machine,
        backbone=values.backbone,
        image_size=values.image_size,
        split=SplitConfig(values.valid_share, values.test_share, values.seed),
        precision=values.precision,
        int8=values.int8,
        int8_max_accuracy_loss=values.int8_max_accuracy_loss,
        unknown_false_alarm_rate=values.unknown_false_alarm_rate,
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
        *((f"--{channel}", f"SM_CHANNEL_{channel.upper()}") for channel in CHANNELS),
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
    add("--drop", default="", help="where the dataset comes from, for the model card")
    add("--drop-version", default="", help="which version of it, for the model card")
    add("--machine", default="", help="what trains, for the model card")
    for name, allowed in CHOICES.items():
        add(f"--{name}", choices=allowed, default=allowed[0], help=_HELP.get(name))
    for name, number in NUMBERS.items():
        add(f"--{name}", type=_reader(number), default=number.typed(number.default), help=_HELP.get(name))
    add(
        "--precision",
        choices=["auto", *PRECISIONS],
        default="auto",
        help="of the features to train on; auto: bfloat16 where that is measured to be clearly faster",
    )
    return parser


def _checkpoint_folder(environment: Mapping[str, str]) -> Path | None:
    """Where SageMaker keeps checkpoints, beside the input folder that its toolkit names: /opt/ml/checkpoints.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
    """
    folder = environment.get("SM_INPUT_DIR")
    return Path(folder).parent / "checkpoints" if folder else None


def _reader(number: Number) -> Callable[[str], float]:
    def read(text: str) -> float:
        value: float | str
        try:
            value = int(text) if number.step else float(text)
        except ValueError:
            value = text
        if isinstance(value, str) or number.fault(value):
            raise argparse.ArgumentTypeError(str(number.fault(value)))
        return value

    return read
