"""Odd photos have the pixels that a person sees; broken ones say what is wrong. None ends in a traceback."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.support.costly_photos import COSTLY_PHOTOS
from tests.unit.training.made_photos import make_jpeg
from training.data.preprocessing import PhotoError, decode_photo

RED, GREY = (200, 30, 60), (120, 120, 120)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (90, 40), colour)


def sixteen_bits(level: int, kind: str = "PNG", order: str = "<u2") -> bytes:
    return encode(Image.fromarray(np.full((40, 90), level, order)), kind)


def palette(**options: object) -> bytes:
    image = plain("P", 1)
    image.putpalette([0, 0, 0, *RED])
    return encode(image, "PNG", **options)


def animated(kind: str) -> bytes:
    return encode(plain("RGB", RED), kind, save_all=True, append_images=[plain("RGB", "blue")] * 3)


ODD = {
    "16-bit grey PNG": (sixteen_bits(120 * 256 + 7), GREY),
    "16-bit grey PNG, dark": (sixteen_bits(300), (1, 1, 1)),
    "16-bit grey PNG, white": (sixteen_bits(65535), (255, 255, 255)),
    "16-bit grey TIFF": (sixteen_bits(120 * 256, "TIFF"), GREY),
    "16-bit grey TIFF, big-endian": (sixteen_bits(120 * 256, "TIFF", ">u2"), GREY),
    "32-bit TIFF with 16-bit values": (encode(plain("I", 120 * 256), "TIFF"), GREY),
    "grey PNG": (encode(plain("L", 120), "PNG"), GREY),
    "grey JPEG": (encode(plain("L", 120), "JPEG"), GREY),
    "black and white PNG": (encode(plain("1", 1), "PNG"), (255, 255, 255)),
    "grey PNG with alpha": (encode(plain("LA", (120, 255)), "PNG"), GREY),
    "RGBA PNG": (encode(plain("RGBA", (*RED, 255)), "PNG"), RED),
    "RGBA PNG, half transparent": (encode(plain("RGBA", (0, 0, 0, 128)), "PNG"), (127, 127, 127)),
    "RGBA WebP": (encode(plain("RGBA", (*RED, 255)), "WEBP", lossless=True), RED),
    "palette PNG": (palette(), RED),
    "palette PNG, transparent": (palette(transparency=1), (255, 255, 255)),
    "palette GIF": (encode(plain("RGB", RED), "GIF"), RED),
    "CMYK TIFF": (encode(plain("CMYK", (55, 225, 195, 0)), "TIFF"), RED),
    "CMYK JPEG": (encode(plain("CMYK", (55, 225, 195, 0)), "JPEG", quality=95), RED),
    "AVIF": (encode(plain("RGB", RED), "AVIF"), RED),
    "AVIF, half transparent": (encode(plain("RGBA", (0, 0, 0, 128)), "AVIF"), (127, 127, 127)),
    "YCbCr TIFF": (encode(plain("RGB", RED).convert("YCbCr"), "TIFF"), RED),
    "animated GIF": (animated("GIF"), RED),
    "animated PNG": (animated("PNG"), RED),
    "animated WebP": (animated("WEBP"), RED),
    "TIFF of several pages": (animated("TIFF"), RED),
    "progressive JPEG": (encode(plain("RGB", RED), "JPEG", progressive=True), RED),
    "one pixel": (encode(Image.new("RGB", (1, 1), RED), "PNG"), RED),
    "one row": (encode(Image.new("RGB", (5000, 1), RED), "PNG"), RED),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_photo_has_the_colours_that_a_person_sees(name: str) -> None:
    photo, colour = ODD[name]
    pixels = decode_photo(photo, 32)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - colour).max() <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_exif_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    upright = Image.new("RGB", (64, 48), "white")
    upright.paste("black", (0, 0, 32, 24))
    upright.paste("red", (32, 0, 64, 24))
    turned = upright
    if orientation > 1:
        # What a camera stores: the inverse of what a viewer must do.
        inverse = {6: 8, 8: 6}.get(orientation, orientation)
        turned.getexif()[0x0112] = inverse
        turned = ImageOps.exif_transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 98}, "WEBP": {"lossless": True}}.get(kind, {})
    pixels = decode_photo(encode(turned, kind, exif=exif, **options), 32)
    corners = [pixels[4, 4], pixels[4, 27], pixels[27, 4], pixels[27, 27]]
    for corner, colour in zip(
        corners, [(0, 0, 0), (255, 0, 0), (255, 255, 255), (255, 255, 255)], strict=True
    ):
        assert np.abs(corner.astype(int) - colour).max() <= 30


def test_16_bits_keep_their_steps() -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype("<u2"), (64, 1))
    pixels = decode_photo(encode(Image.fromarray(ramp), "PNG"), 256)
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


def broken_png(width: int, height: int) -> bytes:
    """A header that promises more than follows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


BROKEN = {
    "empty": (b"", "not one of JPEG"),
    "text": (b"hello", "not one of JPEG"),
    "a web page": (b"<!doctype html><html></html>", "not one of JPEG"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawings are not read: export"),
    "PDF": (b"%PDF-1.7\n", "not one of JPEG"),
    "ICO, a format that is not accepted": (encode(plain("RGB", RED), "ICO"), "not one of JPEG"),
    "cut JPEG": (make_jpeg("blue", 1)[:900], "cannot be decoded"),
    "cut PNG": (sixteen_bits(7)[:80], "cannot be decoded"),
    "JPEG of a start marker": (b"\xff\xd8\xff\xe0", "begins like JPEG"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC photos are not read: export them as JPEG"),
    "HEIC of a general brand": (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(99), "HEIC photos"),
    "JPEG XL": (b"\xff\x0a" + bytes(99), "JPEG XL photos are not read"),
    "PNG without pixels": (broken_png(20, 20), "cannot be decoded"),
    "PNG that claims 2 000 megapixels": (broken_png(50_000, 40_000), "too many pixels|the limit is"),
    "floating-point TIFF": (encode(plain("F", 0.5), "TIFF"), "floating-point"),
    "32-bit TIFF": (encode(plain("I", 2**30), "TIFF"), "32-bit"),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", COSTLY_PHOTOS)
def test_a_photo_that_would_take_long_is_refused_with_its_reason(name: str) -> None:
    make, word = COSTLY_PHOTOS[name]
    with pytest.raises(PhotoError, match=word):
        decode_photo(make(), 32)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_photo_says_what_is_wrong(name: str) -> None:
    photo, sentence = BROKEN[name]
    with pytest.raises(PhotoError, match=sentence):
        decode_photo(photo, 32)
