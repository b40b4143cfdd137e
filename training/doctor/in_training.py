"""The doctor within a training: on its features, and on thumbnails of the test photos, without features."""

from concurrent.futures import ThreadPoolExecutor

import torch

from training.data.dataset import Dataset, Photo
from training.data.photo_hashes import Excluded
from training.data.preprocessing import PhotoError, decode_photo
from training.doctor.document import DoctorReport, write_report
from training.doctor.examine import examine
from training.doctor.findings import Examined, ExaminedPhoto
from training.doctor.looks import SIDE, look_at
from training.features.extraction import Features, Pass
from training.job.torch_threads import all_threads


def examine_training(
    dataset: Dataset, features: dict[str, Features], run: Pass, run_id: str
) -> tuple[DoctorReport, dict[str, Features]]:
    """What is probably wrong, and the features without photos that are in a split of measuring as well.

    These leave the dataset too. Raises StoppedError when told to stop.
    """
    test, looks = _look_at_test(dataset.splits["test"], run)
    parts = [*((split, found.photos) for split, found in features.items()), ("test", test)]
    examined = Examined(
        dataset.classes,
        [
            ExaminedPhoto(photo.name, photo.label, split, photo.group)
            for split, photos in parts
            for photo in photos
        ],
        torch.cat([*(found.looks for found in features.values()), looks]),
        [found.file for found in features.values()],
    )
    run.session.stop.check()
    with all_threads(run.threads):
        findings = examine(examined, run.seed)
    report = write_report(examined, findings, run_id, run.source)
    leaving = {examined.photos[each.row].name: each.why for each in findings.leaving}
    if not leaving:
        return report, features
    dataset.leave_out([Excluded(name, why) for name, why in leaving.items()])
    return report, {split: found.without(leaving) for split, found in features.items()}


def _look_at_test(photos: list[Photo], run: Pass) -> tuple[list[Photo], torch.Tensor]:
    """The photos that can be decoded, and their looks; a JPEG's thumbnail costs a fraction of the photo."""

    def look(photo: Photo) -> torch.Tensor | None:
        run.session.stop.check()
        try:
            return look_at([decode_photo(run.source.read(photo.name), 2 * SIDE)])
        except PhotoError:
            return None

    with ThreadPoolExecutor(run.threads) as pool:
        found = list(pool.map(look, photos))
    looks = [each for each in found if each is not None]
    seen = [photo for photo, each in zip(photos, found, strict=True) if each is not None]
    return seen, torch.cat(looks) if looks else look_at([])
