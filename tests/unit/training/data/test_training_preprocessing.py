import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.training.made_photos import make_jpeg
from training.data.preprocessing import MAX_PIXELS, PhotoError, Preprocessing, decode_photo
from training.models.torch_network import to_tensor

HALVES = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_batch_is_normalised_and_lies_channels_last() -> None:
    white, black = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64, 3), np.uint8)
    batch = to_tensor([white, black], HALVES, torch.device("cpu"))
    assert batch.shape == (2, 3, 64, 64)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(batch[0], torch.ones(3, 64, 64))
    assert torch.allclose(batch[1], -torch.ones(3, 64, 64))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_every_accepted_format_becomes_rgb(kind: str) -> None:
    pixels = decode_photo(encode(Image.new("RGB", (90, 40), (200, 30, 60)), kind), 32)
    assert pixels.shape == (32, 32, 3)
    assert np.abs(pixels.astype(int) - (200, 30, 60)).max() <= 6


def test_transparency_becomes_white() -> None:
    pixels = decode_photo(encode(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG"), 32)
    assert pixels.min() == 255


def test_a_photo_is_turned_upright_by_its_exif_orientation() -> None:
    image = Image.new("RGB", (64, 64), "white")
    image.paste("black", (0, 0, 32, 64))  # left half black
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held turned: the viewer must turn it clockwise
    pixels = decode_photo(encode(image, "JPEG", quality=95, exif=exif), 32)
    assert pixels[:8].mean() < 40
    assert pixels[-8:].mean() > 215


def test_a_large_jpeg_is_decoded_small_and_looks_the_same() -> None:
    gradient = np.linspace(0, 255, 1600, dtype=np.uint8)
    large = Image.fromarray(np.stack([np.tile(gradient, (1200, 1))] * 3, axis=2))
    exact = np.asarray(large.resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    pixels = decode_photo(encode(large, "JPEG", quality=95), 64).astype(int)
    assert np.abs(pixels - exact).max() <= 4


@pytest.mark.parametrize(
    ("photo", "sentence"),
    [
        (b"", "not one of JPEG"),
        (b"<svg/>", "SVG drawings are not read"),
        (make_jpeg("blue", 1)[:900], "cannot be decoded"),
    ],
)
def test_what_is_no_photo_says_why(photo: bytes, sentence: str) -> None:
    with pytest.raises(PhotoError, match=sentence):
        decode_photo(photo, 32)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    side = int(MAX_PIXELS**0.5) + 1
    bomb = encode(Image.new("1", (side, side)), "PNG")
    assert len(bomb) < 1_000_000
    with pytest.raises(PhotoError, match="the limit is"):
        decode_photo(bomb, 32)


def test_a_description_gives_the_same_preprocessing_back() -> None:
    assert Preprocessing.from_description(HALVES.describe()) == HALVES
    with pytest.raises(ValueError, match="nearest"):
        Preprocessing.from_description({**HALVES.describe(), "interpolation": "nearest"})
