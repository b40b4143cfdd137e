"""Photos made on the spot: noise over one colour a class, which any backbone tells apart."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = {"amber": (230, 160, 30), "blue": (30, 60, 220), "green": (40, 170, 60)}


def make_jpeg(label: str, number: int, side: int = 72) -> bytes:
    """The same photo for the same label and number, and no two alike."""
    noise = np.random.default_rng([number, *COLOURS[label]]).integers(-25, 25, (side, side, 3))
    pixels = np.clip(np.array(COLOURS[label]) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_photos(folder: Path, count: int, classes: tuple[str, ...] = tuple(COLOURS)) -> Path:
    """`count` photos in a folder for each class."""
    for label in classes:
        (folder / label).mkdir(parents=True)
        for number in range(count):
            (folder / label / f"{number}.jpg").write_bytes(make_jpeg(label, number))
    return folder


@dataclass(frozen=True)
class Trained:
    """The folders of a run."""

    dataset: Path
    weights: Path
    model: Path
    output: Path

    def arguments(self, **changes: Any) -> list[str]:
        """A command line of train.py for these folders; small images and no int8 keep it quick."""
        options = {
            "dataset": self.dataset,
            "weights": self.weights,
            "model-dir": self.model,
            "output-dir": self.output,
            "image-size": 64,
            "int8": "never",
            "run-id": "a" * 32,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return [part for name, value in options.items() for part in (f"--{name}", str(value))]

    def metrics(self) -> dict[str, Any]:
        return json.loads((self.output / "metrics.json").read_text())

    def acceptance(self) -> dict[str, Any]:
        return json.loads((self.output / "acceptance.json").read_text())
