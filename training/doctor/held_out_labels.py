"""Labels of the test photos that are probably wrong, by the model that is measured with them.

It learned from the photos to train on alone, and the validation photos chose its epoch and its temperature:
no test label has gone into what it says of a test photo, as confident learning asks for, at no cost beyond
the answers that are there already. They are looked at after the model is chosen, and nothing is chosen by
them. What is found is always a mistake of this model: a person has to look, or its accuracy is flattered.
"""

import torch

from training.data.dataset import Photo
from training.doctor.examine import MIN_PHOTOS
from training.doctor.findings import Examined, PhotoFinding
from training.doctor.label_errors import score_labels


def find_test_label_errors(
    examined: Examined, photos: list[Photo], probabilities: torch.Tensor
) -> list[PhotoFinding]:
    """From the model's calibrated probabilities (N, classes) for the test photos; of a few, none."""
    if len(photos) < MIN_PHOTOS:
        return []
    labels = torch.tensor([photo.label for photo in photos], dtype=torch.long)
    rows = {photo.name: row for row, photo in enumerate(examined.photos)}
    found = []
    for error in score_labels(probabilities, probabilities, labels).errors():
        photo, chance = photos[error.row], float(probabilities[error.row, error.suggested])
        why = (
            f"the model, which has not seen its label, takes it for {examined.classes[error.suggested]} "
            f"({chance:.0%}) rather than {examined.classes[photo.label]}: the accuracy may be misstated"
        )
        if photo.name in rows:
            row = rows[photo.name]
            found.append(
                PhotoFinding("test_label_error", "keep", row, error.score, why, suggested=error.suggested)
            )
    return found
