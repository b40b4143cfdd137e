"""Wrong labels of the test photos, by made answers of a model."""

import torch

from training.data.dataset import Photo
from training.doctor.examine import MIN_PHOTOS
from training.doctor.findings import Examined, ExaminedPhoto
from training.doctor.held_out_labels import find_test_label_errors
from training.doctor.looks import look_at


def photos_of(count: int) -> list[Photo]:
    """In turn of three classes."""
    return [Photo(f"{number}.jpg", number % 3, str(number)) for number in range(count)]


def examined(photos: list[Photo]) -> Examined:
    """Behind a photo of another split, which has a row of its own."""
    first = ExaminedPhoto("train.jpg", 0, "train")
    rest = [ExaminedPhoto(photo.name, photo.label, "test") for photo in photos]
    return Examined(["a", "b", "c"], [first, *rest], look_at([]), [])


def answers(photos: list[Photo], wrong: dict[int, int], chance: float = 0.97) -> torch.Tensor:
    """Probabilities of each photo's own class, or of another one."""
    said = torch.full((len(photos), 3), (1 - chance) / 2)
    for row, photo in enumerate(photos):
        said[row, wrong.get(row, photo.label)] = chance
    return said


def test_a_sure_mistake_is_a_label_to_look_at() -> None:
    photos = photos_of(30)

    (finding,) = find_test_label_errors(examined(photos), photos, answers(photos, {7: 2}))

    assert (finding.kind, finding.action, finding.row, finding.suggested) == (
        "test_label_error",
        "keep",
        8,
        2,
    )
    assert "takes it for c (97%) rather than b" in finding.why and "may be misstated" in finding.why


def test_an_unsure_mistake_is_one_of_the_model() -> None:
    photos = photos_of(30)
    said = answers(photos, {})
    said[7] = torch.tensor([0.1, 0.4, 0.5])

    assert find_test_label_errors(examined(photos), photos, said) == []


def test_a_few_photos_say_nothing_of_each_other() -> None:
    photos = photos_of(MIN_PHOTOS - 1)

    assert find_test_label_errors(examined(photos), photos, answers(photos, {7: 2})) == []


def test_a_photo_that_was_not_examined_is_passed_over() -> None:
    photos = photos_of(30)

    assert find_test_label_errors(examined(photos[:7]), photos, answers(photos, {7: 2})) == []
