"""How well a training's model does on its test photos: by torch, by the float32 graph, by the int8 graph."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.support.demo_model import train_model
from benchmarks.support.training.backbone import DEVIATION, MEAN, NAME, SIDE
from training.data.preprocessing import decode_photo
from training.models.backbones import build_classifier


def compare_graphs(zip_file: Path, folder: Path) -> dict[str, Any]:
    """Test accuracy of each; which graph training chooses, and why. Raises ProgramError."""
    # The same photos, seed and head each time: only the served graph differs.
    runs = {
        "float32": ("--int8", "never"),
        "int8": ("--int8-max-accuracy-loss", "1"),
        "chosen": (),
    }
    models = {name: train_model(folder / name, zip_file, *options) for name, options in runs.items()}
    metrics = {name: json.loads((folder / name / "output" / "metrics.json").read_text()) for name in runs}
    serving = metrics["chosen"]["serving"]
    return {
        "images": metrics["chosen"]["images"],
        "test_accuracy_torch": round(_torch_accuracy(models["float32"], zip_file), 4),
        "test_accuracy_float32": round(metrics["float32"]["accuracy"], 4),
        # Too few validation photos: int8 is not even made.
        "test_accuracy_int8": (
            round(metrics["int8"]["accuracy"], 4)
            if metrics["int8"]["serving"]["precision"] == "int8"
            else None
        ),
        "served": serving["precision"],
        "reason": serving["reason"],
        "valid_accuracy_float32": serving["valid_accuracy_float32"],
        "valid_accuracy_int8": serving["valid_accuracy_int8"],
        "top_class_agreement": serving["top_class_agreement"],
    }


@torch.inference_mode()
def _torch_accuracy(model: Path, zip_file: Path) -> float:
    classes = json.loads((model / "classes.json").read_text("utf-8"))
    network = build_classifier(NAME, len(classes))
    network.load_state_dict(torch.load(model / "model.pth", weights_only=True))
    lines = (model.parent / "output" / "test_predictions.jsonl").read_text("utf-8").splitlines()
    right: list[bool] = []
    with zipfile.ZipFile(zip_file) as archive:
        for line in map(json.loads, lines):
            pixels = torch.from_numpy(np.array(decode_photo(archive.read(line["photo"]), SIDE)))
            image = (pixels.permute(2, 0, 1)[None] / 255 - MEAN) / DEVIATION
            right.append(classes[int(network(image).argmax())] == line["label"])
    return sum(right) / len(right)
