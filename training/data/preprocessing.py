"""From the bytes of a photo to a network's input: the same code in training and behind the endpoint."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from drops.image_headers import PhotoBoundsError, check_photo
from drops.photo_formats import GREY_STEP, UNREAD_DEPTH, is_grey_of_16_bits, photo_format, why_unread

# From here on Pillow itself warns of a decompression bomb; more than a camera makes.
MAX_PIXELS = 89_478_485

_ORIENTATION = 0x0112  # the EXIF tag

_INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

Pixels = NDArray[np.uint8]


class PhotoError(ValueError):
    """The bytes are not a photo that can be decoded; the message says why."""


@dataclass(frozen=True)
class View:
    """A part of a photo: left, upper, right, lower as shares of its width and height; mirrored or not."""

    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    mirrored: bool = False


WHOLE = View()


@dataclass(frozen=True)
class Preprocessing:
    """Side in pixels, and per-channel (R, G, B) mean and standard deviation of values in 0..1."""

    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str

    def decode(self, photo: bytes) -> Pixels:
        """The photo as (image_size, image_size, 3) RGB values; PhotoError where it cannot be read."""
        return decode_photo(photo, self.image_size, self.interpolation)

    def decode_views(self, photo: bytes, views: Sequence[View]) -> list[Pixels]:
        """The same for each of several views; the photo is decoded once."""
        return decode_views(photo, self.image_size, self.interpolation, views)

    def describe(self) -> dict[str, Any]:
        """What model.json keeps of it."""
        return {
            "image_size": self.image_size,
            "mean": list(self.mean),
            "std": list(self.std),
            "interpolation": self.interpolation,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "Preprocessing":
        """The inverse of `describe`. Raises KeyError or ValueError when a field is missing or unknown."""
        interpolation = str(description["interpolation"])
        if interpolation not in _INTERPOLATIONS:
            raise ValueError(f"unknown interpolation {interpolation!r}")
        red, green, blue = (float(value) for value in description["mean"])
        red_std, green_std, blue_std = (float(value) for value in description["std"])
        return cls(
            int(description["image_size"]), (red, green, blue), (red_std, green_std, blue_std), interpolation
        )


def decode_photo(photo: bytes, side: int, interpolation: str = "bilinear") -> Pixels:
    """The whole photo, as `decode_views` gives it: what matters may stand at its border."""
    return decode_views(photo, side, interpolation, [WHOLE])[0]


def decode_views(photo: bytes, side: int, interpolation: str, views: Sequence[View]) -> list[Pixels]:
    """Decode, turn upright, and squeeze each view into `side` x `side` RGB pixels.

    Raises PhotoError when the bytes are not a photo, are cut short, or claim too many pixels.
    """
    smallest = min(min(view.box[2] - view.box[0], view.box[3] - view.box[1]) for view in views)
    image = open_photo(photo, math.ceil(side / smallest))
    return [_squeeze(image, side, interpolation, view) for view in views]


def open_photo(photo: bytes, least_side: int) -> Image.Image:
    """The photo's first picture, upright, in RGB.

    A JPEG is decoded at the smallest of the sizes that its coding allows (`draft`) and that is not below
    `least_side`, which makes large photos several times cheaper. Raises PhotoError as `decode_views` does.
    """
    format_name = photo_format(photo)
    if not format_name:
        raise PhotoError(why_unread(photo))
    try:
        check_photo(photo, format_name, MAX_PIXELS)
        # Of the checked format alone: Pillow's other decoders stay out of reach of strangers' files.
        with Image.open(io.BytesIO(photo), formats=[format_name]) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PhotoError(f"{image.width} x {image.height} pixels; the limit is {MAX_PIXELS}")
            image.draft("RGB", (least_side, least_side))
            # Only a photo that says so is turned: the check is cheaper than the call on a decoded image.
            upright = ImageOps.exif_transpose(image) if image.getexif().get(_ORIENTATION, 1) != 1 else image
            upright.load()
            return _to_rgb(upright)
    except PhotoError:
        raise
    except PhotoBoundsError as error:
        raise PhotoError(str(error)) from error
    except Image.DecompressionBombError as error:
        # Pillow looks first, from twice its own limit on.
        raise PhotoError(f"too many pixels: {error}; the limit is {MAX_PIXELS}") from error
    except UnidentifiedImageError as error:
        raise PhotoError(f"it begins like {format_name} but is no such photo") from error
    # Broken files surface as nearly anything from Pillow's decoders.
    except Exception as error:
        raise PhotoError(f"cannot be decoded: {error}") from error


def _squeeze(image: Image.Image, side: int, interpolation: str, view: View) -> Pixels:
    left, upper, right, lower = view.box
    box = (
        round(left * image.width),
        round(upper * image.height),
        math.ceil(right * image.width),
        math.ceil(lower * image.height),
    )
    squeezed = np.asarray(image.resize((side, side), _INTERPOLATIONS[interpolation], box))
    return squeezed[:, ::-1] if view.mirrored else squeezed


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB of 8 bits; what is transparent becomes white."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I"):
        return _from_16_bits(image).convert("RGB")
    if image.mode == "F":
        raise PhotoError(UNREAD_DEPTH)
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Greyscale of 8 bits: Pillow's own conversion turns all but the darkest 256 values white."""
    values = np.asarray(image)
    if values.size and not is_grey_of_16_bits(values.min(), values.max()):
        raise PhotoError(UNREAD_DEPTH)
    return Image.fromarray((values // GREY_STEP).astype(np.uint8))
