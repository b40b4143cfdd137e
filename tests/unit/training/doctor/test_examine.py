"""What the doctor says of whole sets: splits, poor photos, classes."""

import numpy as np
import torch
from PIL import Image

from tests.unit.training.doctor.test_label_errors import make_features
from tests.unit.training.doctor.test_near_duplicates import make_scene
from training.doctor.examine import examine
from training.doctor.findings import Examined, ExaminedPhoto, Findings
from training.doctor.looks import look_at
from training.features.feature_file import FeatureFile

PIXELS = 64


def look(image: Image.Image) -> torch.Tensor:
    return look_at([np.asarray(image.resize((PIXELS, PIXELS)))])


def examine_photos(
    photos: list[ExaminedPhoto], images: list[Image.Image], features: torch.Tensor | None = None
) -> Findings:
    """Features that say nothing, unless there are some."""
    rows = torch.zeros(0, 4) if features is None else features
    files = [FeatureFile.of(rows[:, None])]
    return examine(Examined(["a", "b", "c"], photos, torch.cat(list(map(look, images))), files), seed=0)


def test_of_a_photo_in_two_splits_the_one_that_is_measured_stays() -> None:
    splits = ["train", "valid", "test", "train", "valid"]
    photos = [ExaminedPhoto(f"{split}/a/{row}.jpg", 0, split) for row, split in enumerate(splits)]
    same = make_scene(1)
    images = [same, same, same, make_scene(2), make_scene(3)]

    leaving = examine_photos(photos, images).leaving

    assert {photos[finding.row].split for finding in leaving} == {"train", "valid"}
    assert all("of the test split" in finding.why for finding in leaving)


def test_a_scene_in_two_splits_is_told_of_the_photos_that_are_measured_less() -> None:
    placed = [("train", "s1"), ("train", "s2"), ("valid", "s1"), ("test", "s1"), ("train", ""), ("test", "")]
    photos = [ExaminedPhoto(f"{row}.jpg", 0, split, group) for row, (split, group) in enumerate(placed)]

    findings = examine_photos(photos, [make_scene(row) for row in range(len(photos))])

    crossing = [each for each in findings.photos if each.kind == "scene_across_splits"]
    assert [(each.row, each.like) for each in crossing] == [(0, 3), (2, 3)]
    assert crossing[0].why == "3.jpg of the test split shows the same scene"
    assert not findings.leaving


def test_the_last_photo_of_a_class_stays_in_training() -> None:
    photos = [ExaminedPhoto("train/a/1.jpg", 0, "train"), ExaminedPhoto("test/a/2.jpg", 0, "test")]
    findings = examine_photos(photos, [make_scene(1), make_scene(1)])

    assert [finding.kind for finding in findings.photos] == ["near_duplicate"]
    assert not findings.leaving


def test_the_same_photo_under_two_labels_says_so() -> None:
    photos = [ExaminedPhoto("a/1.jpg", 0, "train"), ExaminedPhoto("b/2.jpg", 1, "train")]

    (finding,) = examine_photos(photos, [make_scene(1), make_scene(1)]).photos

    assert finding.why == "nearly the same photo as a/1.jpg, which is labelled a"
    assert not finding.leaves


def test_poor_photos_are_told_apart() -> None:
    scene = make_scene(5)
    soft = Image.fromarray(np.asarray(scene)).resize((3, 3)).resize((256, 256), Image.Resampling.BICUBIC)
    images = [
        *(make_scene(number) for number in range(10, 18)),
        Image.new("RGB", (256, 256), "grey"),
        scene.point(lambda value: max(0, value - 130)),
        soft,
    ]
    photos = [ExaminedPhoto(f"{row}.jpg", 0, "train") for row in range(len(images))]

    found = examine_photos(photos, images, torch.randn(len(images), 4)).photos

    assert {(finding.row, finding.kind) for finding in found} == {(8, "blank"), (9, "dark"), (10, "blurry")}


def test_classes_that_look_alike_and_small_ones_are_named() -> None:
    features, labels = make_features(16, count=60)
    # The third class's photos look like the first's.
    features[labels == 2] = features[labels == 0] + 0.01 * torch.randn(20, 16)
    kept = torch.cat([torch.arange(60)[labels != 1], torch.arange(60)[labels == 1][:12]])
    photos = [ExaminedPhoto(f"{row}.jpg", int(labels[row]), "train") for row in kept.tolist()]
    images = [make_scene(int(row)) for row in kept]

    found = examine_photos(photos, images, features[kept]).classes

    assert [(finding.kind, finding.classes) for finding in found] == [
        ("confusable_classes", [0, 2]),
        ("few_photos", [1]),
    ]
