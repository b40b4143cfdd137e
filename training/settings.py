"""What decides a run: folders and hyperparameters, checked by arguments.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SplitConfig:
    """The shares of a class that become the splits which a dataset lacks, and the seed that picks them."""

    valid_share: float
    test_share: float
    seed: int


@dataclass(frozen=True)
class HeadSettings:
    """Hyperparameters of the head; the optimiser is AdamW."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup_epochs: int
    weight_decay: float
    label_smoothing: float
    class_weights: str
    seed: int


@dataclass(frozen=True)
class TuningSettings:
    """Blocks to unfreeze (0: none), and how long and how fast they learn; the rest is as for the head."""

    blocks: int
    epochs: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class Settings:
    """A run's folders and hyperparameters, checked; the layout's digest and findings are the inspection's.

    `drop` and its version, and `machine`, are for the model card; empty in a training by hand.
    """

    dataset: Path
    weights: Path
    champion: Path | None
    model_dir: Path
    output_dir: Path
    checkpoint_dir: Path | None
    run_id: str
    layout_sha256: str | None
    inspection_findings: str
    drop: str
    drop_version: str
    machine: str
    backbone: str
    image_size: int
    split: SplitConfig
    precision: str
    int8: str
    int8_max_accuracy_loss: float
    unknown_false_alarm_rate: float
    serving_architecture: str
    views: int
    head: HeadSettings
    tuning: TuningSettings

    def hyperparameters(self) -> dict[str, Any]:
        """What decides the result, as metrics.json records it."""
        return {
            "backbone": self.backbone,
            "image_size": self.image_size,
            "valid_share": self.split.valid_share,
            "test_share": self.split.test_share,
            "views": self.views,
            "int8": self.int8,
            "int8_max_accuracy_loss": self.int8_max_accuracy_loss,
            "unknown_false_alarm_rate": self.unknown_false_alarm_rate,
            "serving_architecture": self.serving_architecture,
            **vars(self.head),
            **{f"fine_tune_{name}": value for name, value in vars(self.tuning).items()},
        }
