"""What the model's server gets: a checked image, no larger than a model can use."""

import io
import warnings
from dataclasses import dataclass
from math import ceil

from PIL import Image, ImageOps, UnidentifiedImageError

from functions.inference.errors import (
    DamagedImageError,
    ImageTooLargeError,
    NotAnImageError,
    TooManyPixelsError,
)

# A model crops 224 to 480 pixels; more than this short side carries nothing to it.
SHORT_SIDE_PX = 512
# JPEG's own limit of a side (libjpeg's JPEG_MAX_DIMENSION).
MAX_SIDE_PX = 65_500
# BodyBlob's maximum in botocore's sagemaker-runtime model.
MAX_PAYLOAD_BYTES = 6_291_456
JPEG_QUALITY = 95
SIGNATURE_BYTES = 12

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}


@dataclass(frozen=True)
class ModelInput:
    """An encoded image and its media type."""

    body: bytes
    content_type: str


def image_format(head: bytes | bytearray) -> str:
    """The name of the format (a key of CONTENT_TYPES) of content with these first SIGNATURE_BYTES bytes.

    Raises NotAnImageError.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":  # reserved, must be zero
        return "BMP"
    raise NotAnImageError("the content is no image of a supported format (JPEG, PNG, WebP, GIF, BMP)")


def prepare_image(data: bytes, *, max_pixels: int) -> ModelInput:
    """The image as it is when that is small enough; else upright, in RGB, scaled down, as JPEG.

    An animation gives its first frame. Raises NotAnImageError, TooManyPixelsError (before anything is
    decoded), DamagedImageError, ImageTooLargeError.
    """
    format_name = image_format(data[:SIGNATURE_BYTES])
    with _open(data, format_name, max_pixels) as image:
        try:
            if _usable_as_it_is(image, len(data)):
                image.load()  # a damaged image is refused here, not by the endpoint
                return ModelInput(data, CONTENT_TYPES[format_name])
            body = _encode(_scaled_upright_rgb(image))
        # Pillow's decoders raise a dozen kinds of error on damaged files; nothing else runs here.
        except Exception as error:
            raise DamagedImageError(f"the {format_name} image is damaged or cut short") from error
    if len(body) > MAX_PAYLOAD_BYTES:
        raise ImageTooLargeError("the image is too long and narrow to be sent to the model; crop it")
    return ModelInput(body, "image/jpeg")


def _open(data: bytes, format_name: str, max_pixels: int) -> Image.Image:
    """The image with its header read and its size checked, its pixels not yet decoded."""
    # Pillow itself refuses twice this number, before a WebP decoder takes memory for its canvas.
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=[format_name])
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(
            f"the image has more than {max_pixels} pixels; send a smaller one"
        ) from error
    except UnidentifiedImageError as error:
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
    small = min(image.size) <= SHORT_SIDE_PX and size_bytes <= MAX_PAYLOAD_BYTES
    return small and not image.mode.startswith("I;16")


def _scaled_upright_rgb(image: Image.Image) -> Image.Image:
    """RGB, turned as EXIF says; what is transparent becomes white, as it did when the model was trained."""
    if image.mode.startswith("I;16"):
        # convert() would clip 16-bit grey to white.
        image = image.point(lambda value: value / 256, "L")
    if image.mode != "RGB":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    scale = SHORT_SIDE_PX / min(image.size)
    if scale < 1:
        # thumbnail() lets the JPEG decoder itself skip what is thrown away anyway.
        image.thumbnail((ceil(image.width * scale), ceil(image.height * scale)), Image.Resampling.LANCZOS)
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGBA":
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image)
        return opaque
    return image


def _encode(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()
