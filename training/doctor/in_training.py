"""The doctor within a training: on its features, on thumbnails of the test photos, on the model's answers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from training.data.dataset import Dataset, Photo
from training.data.photo_hashes import Excluded
from training.data.photo_source import PhotoSource
from training.data.preprocessing import PhotoError, decode_photo
from training.doctor.document import DoctorReport, write_report
from training.doctor.examine import MIN_PHOTOS, examine, in_order
from training.doctor.findings import Examined, ExaminedPhoto, Findings
from training.doctor.held_out_labels import find_test_label_errors
from training.doctor.looks import SIDE, look_at
from training.features.extraction import Features, Pass
from training.job.torch_threads import all_threads


@dataclass(frozen=True)
class Examination:
    """What was looked at before there is a model, and what is probably wrong with it."""

    examined: Examined
    findings: Findings

    def report(
        self, tested: list[Photo], probabilities: torch.Tensor, run_id: str, source: PhotoSource
    ) -> DoctorReport:
        """All of it, with the labels of the `tested` photos, by the model's `probabilities` (N, classes)."""
        wrong = find_test_label_errors(self.examined, tested, probabilities)
        findings = Findings(in_order([*self.findings.photos, *wrong]), self.findings.classes)
        checked = len(tested) if len(tested) >= MIN_PHOTOS else 0
        return write_report(self.examined, findings, run_id, source, checked)


def examine_training(
    dataset: Dataset, features: dict[str, Features], run: Pass
) -> tuple[Examination, dict[str, Features]]:
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
    examination = Examination(examined, findings)
    leaving = {examined.photos[each.row].name: each.why for each in findings.leaving}
    if not leaving:
        return examination, features
    dataset.leave_out([Excluded(name, why) for name, why in leaving.items()])
    return examination, {split: found.without(leaving) for split, found in features.items()}


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
