"""What the model's server gets: a checked image, no larger than a model can use."""

import io
import struct
from importlib import import_module
from typing import NamedTuple, cast

from PIL import Image

from contracts.limits import MAX_BYTES_AS_IT_IS, MAX_PAYLOAD_BYTES
from drops.image_headers import PhotoBoundsError, PhotoPixelsError, check_photo
from drops.photo_formats import GREY_STEP, MEDIA_TYPES, UNREAD_DEPTH, is_grey_of_16_bits
from functions.common.errors import DropserveError
from functions.inference.errors import (
    DamagedImageError,
    ImageTooCostlyError,
    ImageTooLargeError,
    NotAnImageError,
    TooManyPixelsError,
)
from functions.inference.image_formats import image_format

# A model takes 224 to 480 pixels a side. A short side from this to twice this is left alone: each further
# resampling moves the scores away from those of the training code, which resamples once.
SHORT_SIDE_PX = 512
# JPEG's own limit of a side (libjpeg's JPEG_MAX_DIMENSION).
MAX_SIDE_PX = 65_500
JPEG_QUALITY = 95

_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "GIF": "GifImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
}
# Sent as PNG: endpoints of models that were trained earlier do not know them all.
_ALWAYS_ENCODED = frozenset({"TIFF", "AVIF"})


class ModelInput(NamedTuple):
    """An encoded image and its media type."""

    body: bytes
    content_type: str


def prepare_image(data: bytes, *, max_pixels: int, decode_all: bool = True) -> ModelInput:
    """The image as it is when that is small enough; else upright, in RGB, scaled down, encoded anew.

    An animation gives its first frame. Without `decode_all`, what is sent as it is was not decoded: where it
    is damaged, the model's server refuses it. Raises NotAnImageError, TooManyPixelsError and
    ImageTooCostlyError (before anything is decoded), DamagedImageError, ImageTooLargeError.
    """
    format_name = image_format(data)
    try:
        check_photo(data, format_name, max_pixels)
    except PhotoPixelsError as error:
        raise TooManyPixelsError(str(error)) from error
    except PhotoBoundsError as error:
        raise ImageTooCostlyError(str(error)) from error
    with _open(data, format_name, max_pixels) as image:
        try:
            if format_name not in _ALWAYS_ENCODED and _usable_as_it_is(image, len(data)):
                if decode_all:
                    image.load()  # a damaged image is refused here, not by the endpoint
                return ModelInput(data, MEDIA_TYPES[format_name])
            prepared = _encode(_scaled_upright_rgb(image), format_name)
        except DropserveError:
            raise
        # Pillow's decoders raise a dozen kinds of error on damaged files; nothing else runs here.
        except Exception as error:
            raise DamagedImageError(f"the {format_name} image is damaged or cut short") from error
    if len(prepared.body) > MAX_PAYLOAD_BYTES:
        raise ImageTooLargeError("the image is too long and narrow to be sent to the model; crop it")
    return prepared


def without_metadata(data: bytes, *, max_pixels: int) -> bytes:
    """An image that prepare_image gave, as a JPEG of at most 2 * SHORT_SIDE_PX a side: upright, pixels alone.

    EXIF, with its place and time, XMP and comments stay behind.
    """
    with _open(data, image_format(data), max_pixels) as image:
        upright = _scaled_upright_rgb(image)
        upright.thumbnail((2 * SHORT_SIDE_PX, 2 * SHORT_SIDE_PX))
        # Pillow's writers take comments and profiles from here.
        upright.info = {}
        stream = io.BytesIO()
        upright.convert("RGB").save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _open(data: bytes, format_name: str, max_pixels: int) -> Image.Image:
    """The image with its header read and its size checked, its pixels not yet decoded."""
    # Pillow itself refuses twice this number, before a WebP decoder takes memory for its canvas.
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        # Not Image.open(), which imports the plugins of five formats.
        import_module(f"PIL.{_PLUGINS[format_name]}")
        factory, _ = Image.OPEN[format_name]
        image = factory(io.BytesIO(data), "")
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(
            f"the image has more than {max_pixels} pixels; send a smaller one"
        ) from error
    # What a plugin raises when the content is not of its format; Image.open() has the same list.
    except (SyntaxError, IndexError, TypeError, struct.error) as error:
        raise NotAnImageError(f"the content starts like {format_name} but is no such image") from error
    except Exception as error:
        raise DamagedImageError(f"the {format_name} image has a damaged header") from error
    if image.width * image.height > max_pixels or max(image.size) > MAX_SIDE_PX:
        raise TooManyPixelsError(
            f"the image is {image.width} x {image.height} pixels; "
            f"at most {max_pixels} pixels, and {MAX_SIDE_PX} a side, are taken"
        )
    return image


def _usable_as_it_is(image: Image.Image, size_bytes: int) -> bool:
    """Whether the model's server decodes it well: it turns photos upright and knows all but 16-bit grey."""
    small = _is_scaled(image) and size_bytes <= MAX_BYTES_AS_IT_IS
    return small and not image.mode.startswith("I;16")


def _is_scaled(image: Image.Image) -> bool:
    return min(image.size) < 2 * SHORT_SIDE_PX


def _scaled_upright_rgb(image: Image.Image) -> Image.Image:
    """RGB, turned as EXIF says; what is transparent becomes white, as it did when the model was trained."""
    # Lets a JPEG's decoder skip what is thrown away anyway, exactly as the training code does.
    image.draft("RGB", (SHORT_SIDE_PX, SHORT_SIDE_PX))
    if image.mode.startswith(("I", "F")):
        image = _eight_bits(image)
    if image.mode != "RGB":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if not _is_scaled(image):
        # By a whole number: the mean of each square of pixels.
        image = image.reduce(min(image.size) // SHORT_SIDE_PX)
    from PIL import ImageOps  # noqa: PLC0415 - most images are small, and need none of it

    image = ImageOps.exif_transpose(image)
    if image.mode == "RGBA":
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image)
        return opaque
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit: convert() alone would clip it to white."""
    grey = image.convert("I")
    lowest, highest = cast(tuple[int, int], grey.getextrema())
    if image.mode == "F" or not is_grey_of_16_bits(lowest, highest):
        raise NotAnImageError(UNREAD_DEPTH)
    return grey.point(lambda value: value * (1 / GREY_STEP)).convert("L")


def _encode(image: Image.Image, source_format: str) -> ModelInput:
    """A JPEG as JPEG; else lossless, unless too large: a JPEG is scaled further in a way of its own."""
    stream = io.BytesIO()
    if source_format != "JPEG":
        image.save(stream, "PNG", compress_level=1)
        if stream.tell() <= MAX_PAYLOAD_BYTES:
            return ModelInput(stream.getvalue(), "image/png")
        stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")
    return ModelInput(stream.getvalue(), "image/jpeg")
