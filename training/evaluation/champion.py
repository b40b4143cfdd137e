"""The model that serves now, tried on the challenger's test photos."""

import tarfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from contracts.bucket import MODEL_ARCHIVE
from drops.text import printable
from training.export.served_model import ArtefactError, ServedModel, load_served_model
from training.features.extraction import Features, Pass, compute_features

# A ResNet-50 has 100 MB: what is far larger is no model of ours.
_MAX_FILE_BYTES = 1 << 30
_REASON_CHARACTERS = 500


def compare_with_champion(
    folder: Path, classes: list[str], test: Features, challenger_right: torch.Tensor, run: Pass
) -> dict[str, Any]:
    """The `champion` part of metrics.json; `run` is the pass that made the challenger's `test` scores.

    `challenger_right` (N,) says which photos of `test` the challenger gets right. A champion that cannot be
    read, or that knows other classes, makes the two not comparable: it never fails the run.
    """
    try:
        champion = _load_champion(folder / MODEL_ARCHIVE, run.threads)
    except ArtefactError as error:
        return _not_comparable(f"the champion cannot be loaded: {error}")
    if set(champion.classes) != set(classes):
        return _not_comparable(_class_difference(champion.classes, classes))
    run = replace(run, compute=champion.scores, preprocessing=champion.description.preprocessing)
    scores = compute_features(run, test.photos)
    if scores.failures:
        return _not_comparable(f"the champion cannot decode {len(scores.failures)} of the test photos")
    to_ours = torch.tensor([classes.index(name) for name in champion.classes])
    champion_right = to_ours[scores.outputs.argmax(1)] == scores.labels
    return {
        "comparable": True,
        "reason": None,
        "accuracy": champion_right.double().mean().item(),
        "challenger_only_right": int((challenger_right & ~champion_right).sum()),
        "champion_only_right": int((champion_right & ~challenger_right).sum()),
    }


def _load_champion(archive: Path, threads: int) -> ServedModel:
    """Load from the archive in memory: no member is ever written, and a graph brings no code."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = {str(PurePosixPath(member.name)): member for member in tar if member.isfile()}

            def read_file(name: str) -> bytes:
                member = members[name]
                if member.size > _MAX_FILE_BYTES:
                    raise ArtefactError(f"{name} has {member.size} bytes")
                file = tar.extractfile(member)
                if file is None:
                    raise KeyError(name)
                return file.read()

            return load_served_model(read_file, threads)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ArtefactError(f"{archive.name} is not a readable archive: {error}") from error


def _not_comparable(reason: str) -> dict[str, Any]:
    return {
        "comparable": False,
        # Names of two models stand in it, and it goes on into ledger, mail and report.
        "reason": printable(reason, _REASON_CHARACTERS),
        "accuracy": None,
        "challenger_only_right": 0,
        "champion_only_right": 0,
    }


def _class_difference(champion: list[str], challenger: list[str]) -> str:
    gone, new = sorted(set(champion) - set(challenger)), sorted(set(challenger) - set(champion))
    parts = [
        f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
        for names, what in ((new, "new"), (gone, "gone"))
        if names
    ]
    return f"the classes differ from the champion's: {', '.join(parts)}"
