"""Photos of one scene stay on one side of a split."""

import hashlib
from pathlib import Path

import pytest

from tests.unit.training.made_photos import make_jpeg
from training.data.dataset import load_dataset
from training.data.photo_source import open_source
from training.data.splitting import SourcePhoto, settle_splits
from training.failures import DatasetError
from training.settings import SplitConfig

SCENES, PHOTOS = 10, 4
CONFIG = SplitConfig(0.2, 0.2, 0)


def settle(groups: dict[str, str], labels: str = "ab", seed: int = 0) -> dict[str, set[str]]:
    """The scenes of each split."""
    found = [
        SourcePhoto(f"{label}/{scene}-{photo}", label, None)
        for label in labels
        for scene in range(SCENES)
        for photo in range(PHOTOS)
    ]
    hashes = {photo.name: hashlib.sha256(photo.name.encode()).hexdigest() for photo in found}
    splits: dict[str, set[str]] = {}
    for photo in settle_splits(found, hashes, groups, SplitConfig(0.2, 0.2, seed)):
        assert photo.split is not None
        splits.setdefault(photo.split, set()).add(groups.get(photo.name, photo.name))
    return splits


def scenes(labels: str, *, shared: bool) -> dict[str, str]:
    return {
        f"{label}/{scene}-{photo}": f"{scene}" if shared else f"{label}{scene}"
        for label in labels
        for scene in range(SCENES)
        for photo in range(PHOTOS)
    }


@pytest.mark.parametrize("shared", [False, True], ids=["a scene a class", "scenes of two classes"])
@pytest.mark.parametrize("seed", range(3))
def test_no_scene_is_on_two_sides(shared: bool, seed: int) -> None:
    splits = settle(scenes("ab", shared=shared), seed=seed)

    assert splits.keys() == {"train", "valid", "test"}
    assert sum(map(len, splits.values())) == len(set.union(*splits.values()))
    assert len(splits["test"]) == len(splits["valid"]) == (2 if shared else 4)


def test_too_few_scenes_are_taken_apart() -> None:
    groups = {name: str(int(group) % 2) for name, group in scenes("a", shared=True).items()}

    assert settle(groups, "a").keys() == {"train", "valid", "test"}


def write_drop(folder: Path, groups: str) -> Path:
    for label in ("amber", "blue"):
        (folder / label).mkdir(parents=True)
        for number in range(8):
            (folder / label / f"{number}.jpg").write_bytes(make_jpeg(label, number))
    (folder / "groups.csv").write_text(groups)
    return folder


def test_a_drops_own_groups_are_followed(tmp_path: Path) -> None:
    lines = [f"{label}/{number}.jpg,{number // 2}" for label in ("amber", "blue") for number in range(8)]
    source = open_source(write_drop(tmp_path / "d", "\n".join(["file,group", *lines])))

    dataset = load_dataset(source, CONFIG, threads=1)

    sides: dict[int, set[str]] = {}
    for split, photos in dataset.splits.items():
        for photo in photos:
            sides.setdefault(int(Path(photo.name).stem) // 2, set()).add(split)
    assert len(sides) == 4 and all(len(splits) == 1 for splits in sides.values())
    assert dataset.excluded == []


def test_groups_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    source = open_source(write_drop(tmp_path / "d", "photo;scene\n"))

    with pytest.raises(DatasetError, match=r"groups\.csv has no column file"):
        load_dataset(source, CONFIG, threads=1)
