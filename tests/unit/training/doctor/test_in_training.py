"""The doctor within a training: what lies in two splits leaves the one that is not measured."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.training.doctor.test_near_duplicates import make_scene
from training.data.dataset import Dataset, Photo
from training.data.photo_source import FolderSource
from training.data.preprocessing import Preprocessing
from training.doctor.in_training import examine_training
from training.doctor.looks import look_at
from training.features.extraction import Features, Pass
from training.features.feature_file import FeatureFile

SPLITS = {"train": ["a/1.jpg", "a/2.jpg", "b/3.jpg"], "valid": ["a/4.jpg", "b/5.jpg"], "test": ["a/6.jpg"]}


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    """Six photos of which 2 and 5 are smaller copies of 6."""
    for name in (name for names in SPLITS.values() for name in names):
        number = int(Path(name).stem)
        scene = make_scene(6 if number in {2, 5} else number)
        side = 256 if number == 6 else 200
        (tmp_path / name).parent.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        scene.resize((side, side)).save(buffer, "JPEG", quality=90)
        (tmp_path / name).write_bytes(buffer.getvalue())
    return FolderSource(tmp_path)


def photo_of(name: str) -> Photo:
    return Photo(name, "ab".index(name[0]), name)


def features_of(names: list[str], source: FolderSource) -> Features:
    """Features that are the photos' numbers."""
    rows = torch.tensor([[[float(Path(name).stem)]] for name in names])
    pixels = [
        np.asarray(Image.open(io.BytesIO(source.read(name))).convert("RGB").resize((128, 128)))
        for name in names
    ]
    return Features(FeatureFile.of(rows), [photo_of(name) for name in names], [], [look_at(pixels)])


def pass_over(source: FolderSource) -> Pass:
    """One that computes nothing."""
    preprocessing = Preprocessing(128, (0, 0, 0), (1, 1, 1), "bilinear")
    return Pass(lambda photos: np.empty((0, 1), np.float32), preprocessing, source, 2)


def test_copies_of_test_photos_leave_dataset_and_features(source: FolderSource) -> None:
    dataset = Dataset(["a", "b"], {split: list(map(photo_of, names)) for split, names in SPLITS.items()})
    features = {split: features_of(SPLITS[split], source) for split in ("train", "valid")}

    examination, left = examine_training(dataset, features, pass_over(source))
    report = examination.report([], torch.empty(0, 2), "r", source)

    assert {split: [photo.name for photo in found.photos] for split, found in left.items()} == {
        "train": ["a/1.jpg", "b/3.jpg"],
        "valid": ["a/4.jpg"],
    }
    assert [found.outputs.flatten().tolist() for found in left.values()] == [[1.0, 3.0], [4.0]]
    assert all(len(found.looks) == len(found.photos) for found in left.values())
    assert {split: len(photos) for split, photos in dataset.splits.items()} == {
        "train": 2,
        "valid": 1,
        "test": 1,
    }
    assert {item.name: item.reason for item in dataset.excluded} == {
        "a/2.jpg": "nearly the same photo as a/6.jpg of the test split",
        "b/5.jpg": "nearly the same photo as a/6.jpg of the test split, which is labelled a",
    }
    found = [each for each in report.document["photo_findings"] if each["kind"] == "near_duplicate"]
    assert all(each["left_out"] and each["thumbnail"] and each["like_thumbnail"] for each in found)
    assert report.review.count("\ndrop,") == 2


def test_a_test_photo_that_cannot_be_decoded_is_passed_over(source: FolderSource, tmp_path: Path) -> None:
    (tmp_path / "a" / "6.jpg").write_bytes(b"\xff\xd8\xffno photo")
    dataset = Dataset(["a", "b"], {split: list(map(photo_of, names)) for split, names in SPLITS.items()})
    features = {split: features_of(SPLITS[split], source) for split in ("train", "valid")}

    examination, _ = examine_training(dataset, features, pass_over(source))
    report = examination.report([], torch.empty(0, 2), "r", source)

    assert report.document["photos"] == {"train": 3, "valid": 2, "test": 0}
