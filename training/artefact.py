"""Writes the model directory: what SageMaker packs into model.tar.gz and an endpoint unpacks again."""

import json
import shutil
from pathlib import Path

import torch

import drops
from classifier import CLASSES_FILE, DESCRIPTION_FILE, WEIGHTS_FILE, Classifier

# What `code/inference.py` imports, and nothing else: the endpoint needs no dataset and no report.
_CODE = (
    "inference.py",
    "classifier.py",
    "backbones.py",
    "lite0.py",
    "preprocessing.py",
    "fusion.py",
    "memory.py",
    "errors.py",
    "serving_network.py",
    "serving_request.py",
)
# Of what a drop is: what preprocessing.py imports.
_DROPS = ("__init__.py", "photo_formats.py", "photo_bounds")


def write_artefact(classifier: Classifier, model_dir: Path) -> None:
    """Write weights, classes, description and serving code below `model_dir`, which is made if absent."""
    code_dir = model_dir / "code"
    code_dir.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in classifier.network.state_dict().items()}
    torch.save(state, model_dir / WEIGHTS_FILE)
    (model_dir / CLASSES_FILE).write_text(json.dumps(classifier.classes, ensure_ascii=False), "utf-8")
    (model_dir / DESCRIPTION_FILE).write_text(json.dumps(classifier.describe(), indent=1), "utf-8")
    for name in _CODE:
        shutil.copyfile(Path(__file__).parent / name, code_dir / name)
    shared = Path(drops.__file__).parent
    for file in sorted(shared.rglob("*.py")):
        place = file.relative_to(shared)
        if place.parts[0] in _DROPS:
            copy = code_dir / "drops" / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
