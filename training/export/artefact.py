"""Writes the model directory: what SageMaker packs into model.tar.gz and an endpoint unpacks again."""

import json
from pathlib import Path

import torch
from torch import nn

from training.export.served_model import CLASSES_FILE, DESCRIPTION_FILE, GRAPH_FILE, ServedModel

# For training on in torch; an endpoint does not read it.
WEIGHTS_FILE = "model.pth"


def write_artefact(served: ServedModel, network: nn.Module, model_dir: Path) -> None:
    """Write graph, classes, description and the network's weights to `model_dir`, which is made if absent."""
    model_dir.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    torch.save(state, model_dir / WEIGHTS_FILE)
    served.graph.save(model_dir / GRAPH_FILE)
    (model_dir / CLASSES_FILE).write_text(json.dumps(served.classes, ensure_ascii=False), "utf-8")
    description = json.dumps(served.description.to_json(), indent=1)
    (model_dir / DESCRIPTION_FILE).write_text(description, "utf-8")
