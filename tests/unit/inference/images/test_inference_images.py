"""Images: what is sent on as it is, what is made smaller, and what is refused."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from contracts.limits import MAX_PAYLOAD_BYTES
from drops.photo_formats import MEDIA_TYPES
from functions.common.errors import DropserveError
from functions.inference.errors import (
    DamagedImageError,
    ImageTooCostlyError,
    ImageTooLargeError,
    NotAnImageError,
    TooManyPixelsError,
)
from functions.inference.images import ModelInput, prepare_image
from tests.support.costly_photos import COSTLY_PHOTOS
from tests.support.seeded_noise import noise
from tests.unit.inference.images.pictures import encode, two_colours

pytestmark = pytest.mark.slow

MAX_PIXELS = 20_000_000
# The others are sent as PNG, which endpoints of earlier models know too.
SENT_AS_THEY_ARE = sorted(MEDIA_TYPES.keys() - {"TIFF", "AVIF"})
RED, BLUE = (254, 0, 0), (0, 0, 254)


def prepare(data: bytes, max_pixels: int = MAX_PIXELS) -> ModelInput:
    return prepare_image(data, max_pixels=max_pixels)


def decode(prepared: ModelInput) -> Image.Image:
    image = Image.open(io.BytesIO(prepared.body))
    image.load()
    return image


def near(pixel: object, expected: tuple[int, int, int], tolerance: int = 6) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(pixel, expected, strict=True))


@pytest.mark.parametrize("format_name", SENT_AS_THEY_ARE)
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 30)])
def test_a_small_image_is_sent_as_it_is(format_name: str, size: tuple[int, int]) -> None:
    data = encode(two_colours(*size), format_name)

    assert prepare(data) == ModelInput(data, MEDIA_TYPES[format_name])


@pytest.mark.parametrize("format_name", MEDIA_TYPES)
@pytest.mark.parametrize("size", [(1600, 1200), (1200, 1600), (1024, 4000), (1024, 1024)])
def test_a_large_image_is_scaled_and_a_jpeg_stays_one(format_name: str, size: tuple[int, int]) -> None:
    prepared = prepare(encode(two_colours(*size), format_name))
    image = decode(prepared)

    expected = "JPEG" if format_name == "JPEG" else "PNG"
    assert prepared.content_type == MEDIA_TYPES[expected]
    assert (image.format, image.mode) == (expected, "RGB")
    assert 512 <= min(image.size) < 1024
    assert max(image.size) / min(image.size) == pytest.approx(max(size) / min(size), abs=0.01)
    assert near(image.getpixel((10, 10)), RED)
    assert near(image.getpixel((image.width - 10, image.height - 10)), BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_photo_is_turned_upright_and_loses_its_exif(orientation: int) -> None:
    # How a camera stores an upright picture: turned back by the inverse of what the tag asks for.
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    upright = two_colours(2400, 1800)
    stored = upright.transpose(inverse[orientation]) if orientation in inverse else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "taken at a private place"

    prepared = prepare(encode(stored, "JPEG", exif=exif))
    image = decode(prepared)

    assert image.size == (1200, 900)
    assert near(image.getpixel((10, 450)), RED)
    assert near(image.getpixel((1190, 450)), BLUE)
    assert not image.getexif()
    assert b"private place" not in prepared.body


def test_a_large_transparent_photo_is_turned_upright_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = two_colours(1600, 1200).transpose(Image.Transpose.ROTATE_90).convert("RGBA")

    image = decode(prepare(encode(picture, "PNG", exif=exif)))

    assert image.size == (800, 600)
    assert near(image.getpixel((10, 256)), RED)


@pytest.mark.parametrize(
    ("format_name", "mode"),
    [
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "I;16"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("JPEG", "YCbCr"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
        ("BMP", "1"),
        ("BMP", "P"),
        ("BMP", "RGBA"),
    ],
)
def test_a_large_image_of_any_mode_becomes_rgb(format_name: str, mode: str) -> None:
    grey = mode in {"1", "L", "LA", "I;16"}
    picture = (
        Image.new("I;16", (1600, 1200), 0xC800) if mode == "I;16" else two_colours(1600, 1200).convert(mode)
    )

    image = decode(prepare(encode(picture, format_name)))

    assert (image.mode, image.format) == ("RGB", "JPEG" if format_name == "JPEG" else "PNG")
    assert 512 <= min(image.size) < 1024
    if mode == "I;16":
        assert near(image.getpixel((320, 256)), (0xC8,) * 3)
    elif not grey:
        assert near(image.getpixel((10, 10)), RED, tolerance=12)


def test_a_small_16_bit_image_is_not_left_to_the_model_server_which_would_clip_it() -> None:
    image = decode(prepare(encode(Image.new("I;16", (100, 80), 0x4000), "PNG")))

    assert image.size == (100, 80)
    assert near(image.getpixel((50, 40)), (0x40,) * 3)


@pytest.mark.parametrize("size", [(100, 80), (1600, 1200)])
@pytest.mark.parametrize(
    ("format_name", "picture", "expected"),
    [
        ("TIFF", Image.new("RGB", (1, 1), (200, 30, 60)), (200, 30, 60)),
        ("TIFF", Image.new("CMYK", (1, 1), (55, 225, 195, 0)), (200, 30, 60)),
        ("TIFF", Image.new("RGBA", (1, 1), (0, 0, 0, 0)), (255, 255, 255)),
        ("TIFF", Image.new("1", (1, 1), 1), (255, 255, 255)),
        ("TIFF", Image.new("I;16", (1, 1), 0x4000), (0x40,) * 3),
        ("TIFF", Image.new("I;16B", (1, 1), 0x4000), (0x40,) * 3),
        ("TIFF", Image.new("I", (1, 1), 0x4000), (0x40,) * 3),
        ("AVIF", Image.new("RGB", (1, 1), (200, 30, 60)), (200, 30, 60)),
        ("AVIF", Image.new("RGBA", (1, 1), (0, 0, 0, 0)), (255, 255, 255)),
        ("AVIF", Image.new("L", (1, 1), 120), (120,) * 3),
    ],
)
def test_tiff_and_avif_are_sent_as_png(
    format_name: str, picture: Image.Image, expected: tuple[int, int, int], size: tuple[int, int]
) -> None:
    mode = picture.mode
    large = Image.new(mode, size, picture.getpixel((0, 0))) if mode != "1" else Image.new("1", size, 1)

    prepared = prepare(encode(large, format_name))

    assert prepared.content_type == "image/png"
    assert near(decode(prepared).getpixel((20, 20)), expected)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "zstd"])
def test_a_tiff_of_each_compression_is_read(compression: str) -> None:
    prepared = prepare(encode(two_colours(300, 200), "TIFF", compression=compression))

    assert near(decode(prepared).getpixel((10, 10)), RED, tolerance=12)


@pytest.mark.parametrize(
    "picture", [Image.new("F", (64, 64), 0.5), Image.new("I", (64, 64), 2**20), Image.new("I", (64, 64), -1)]
)
def test_pixels_that_say_no_black_and_no_white_are_refused(picture: Image.Image) -> None:
    with pytest.raises(NotAnImageError, match="save it with 8 or 16 bits"):
        prepare(encode(picture, "TIFF"))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC photos are not read: export them as JPEG"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(99), "HEIC photos are not read"),
        (b"\xff\x0a" + bytes(99), "JPEG XL photos are not read: convert them"),
        (b"%PDF-1.7", "not one of JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF"),
    ],
)
def test_what_is_not_read_is_named_with_what_to_do(data: bytes, sentence: str) -> None:
    with pytest.raises(NotAnImageError, match=sentence):
        prepare(data)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", COSTLY_PHOTOS)
def test_an_image_that_would_take_long_is_refused_with_its_reason(name: str) -> None:
    make, word = COSTLY_PHOTOS[name]

    with pytest.raises(ImageTooCostlyError, match=word):
        prepare(make(), max_pixels=40_000_000)


def test_transparency_becomes_white() -> None:
    hidden = Image.new("RGBA", (1200, 1200), (0, 0, 0, 0))
    palette = two_colours(1200, 1200).convert("P")

    image = decode(prepare(encode(hidden, "PNG")))
    from_palette = decode(prepare(encode(palette, "PNG", transparency=palette.getpixel((1, 1)))))

    assert near(image.getpixel((256, 256)), (255, 255, 255))
    assert near(from_palette.getpixel((10, 10)), (255, 255, 255))
    assert near(from_palette.getpixel((500, 10)), BLUE, tolerance=12)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP"])
def test_an_animation_gives_its_first_frame(format_name: str) -> None:
    frames = [Image.new("RGB", (1200, 1200), colour) for colour in ("red", "blue", "lime")]

    image = decode(prepare(encode(frames[0], format_name, save_all=True, append_images=frames[1:])))

    assert near(image.getpixel((256, 256)), RED, tolerance=12)


def test_a_photo_of_several_pictures_as_phones_take_them_is_a_jpeg() -> None:
    pair = encode(two_colours(1600, 1200), "MPO", save_all=True, append_images=[two_colours(1600, 1200)])

    assert decode(prepare(pair)).size == (800, 600)
    small = encode(two_colours(100, 80), "MPO", save_all=True, append_images=[two_colours(100, 80)])
    assert prepare(small) == ModelInput(small, "image/jpeg")


def test_a_colour_profile_does_no_harm() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    assert decode(prepare(encode(two_colours(1600, 1200), "JPEG", icc_profile=profile))).size == (800, 600)


def test_pixels_are_counted_before_anything_is_decoded() -> None:
    """A PNG that claims 50,000 x 50,000 pixels and holds none of them."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")

    with pytest.raises(TooManyPixelsError, match=str(MAX_PIXELS)):
        prepare(b"\x89PNG\r\n\x1a\n" + chunks)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_webp_canvas_is_measured_before_its_decoder_takes_memory_for_it() -> None:
    """A header that claims 16,000 x 16,000 pixels: 2 GB of canvas, once the decoder is made."""
    side = struct.pack("<I", 16_000 - 1)[:3]
    header = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + side + side

    with pytest.raises(TooManyPixelsError):
        prepare(b"RIFF" + struct.pack("<I", len(header) + 4) + b"WEBP" + header)


@pytest.mark.parametrize("format_name", MEDIA_TYPES)
def test_a_real_image_of_one_pixel_too_many_is_refused(format_name: str) -> None:
    data = encode(two_colours(400, 300), format_name)

    assert decode(prepare(data, max_pixels=120_000)).size == (400, 300)
    with pytest.raises(TooManyPixelsError):
        prepare(data, max_pixels=119_999)
    with pytest.raises(TooManyPixelsError):
        prepare(data, max_pixels=50_000)


def test_a_side_that_jpeg_cannot_hold_is_refused() -> None:
    with pytest.raises(TooManyPixelsError, match="65500"):
        prepare(encode(Image.new("L", (70_000, 2)), "PNG"))


@pytest.mark.parametrize("format_name", MEDIA_TYPES)
@pytest.mark.parametrize("size", [(300, 200), (1600, 1200)])
def test_a_truncated_image_is_refused(format_name: str, size: tuple[int, int]) -> None:
    picture = noise(size, 60).convert("RGB")
    whole = encode(picture, format_name)

    # Without its boxes, nobody knows how much of an AVIF there would be to decode.
    for kept in (0.9, 0.5, 0.1):
        with pytest.raises((DamagedImageError, ImageTooCostlyError)):
            prepare(whole[: int(len(whole) * kept)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><html></html>",
        b"%PDF-1.7",
        b"II*\0" + b"\0" * 100,
        b"\0\0\0\x18ftypavif" + b"\0" * 100,
        b"\0\0\0\x18ftypheic" + b"\0" * 100,
        b"RIFF\0\0\0\0WAVEfmt ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BMW, a maker of cars, is no bitmap",
        b"\xff\xd8\xff" + b"\0" * 100,
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises((NotAnImageError, DamagedImageError, ImageTooCostlyError)):
        prepare(data)


def test_a_format_that_pillow_reads_but_that_is_not_on_the_list_is_refused() -> None:
    for format_name in ("JPEG2000", "PPM", "ICO", "TGA", "EPS"):
        with pytest.raises(NotAnImageError):
            prepare(encode(two_colours(64, 64), format_name))


def test_a_small_file_of_many_bytes_is_made_smaller() -> None:
    bands = [noise((512, 5000), 80, seed) for seed in range(3)]
    picture = Image.merge("RGB", bands)
    data = encode(picture, "BMP")
    assert len(data) > MAX_PAYLOAD_BYTES

    prepared = prepare(data)

    assert prepared.content_type == "image/jpeg", "as PNG it would be too large"
    assert len(prepared.body) < MAX_PAYLOAD_BYTES
    assert decode(prepared).size == picture.size


def test_what_no_scaling_makes_small_enough_is_refused() -> None:
    bands = [noise((512, 14_000), 150, seed) for seed in range(3)]
    data = encode(Image.merge("RGB", bands), "BMP")

    with pytest.raises(ImageTooLargeError):
        prepare(data)


def test_what_is_sent_as_it_is_need_not_be_decoded() -> None:
    cut = encode(two_colours(640, 480), "JPEG")[:2000]
    with pytest.raises(DamagedImageError):
        prepare(cut)
    assert prepare_image(cut, max_pixels=MAX_PIXELS, decode_all=False).body == cut
    with pytest.raises(DamagedImageError):
        prepare_image(encode(two_colours(2400, 1800), "JPEG")[:9000], max_pixels=MAX_PIXELS, decode_all=False)
    with pytest.raises(TooManyPixelsError):
        prepare_image(encode(two_colours(40, 30), "PNG"), max_pixels=1000, decode_all=False)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(MEDIA_TYPES)), st.data())
def test_a_damaged_image_is_answered_or_refused_but_never_a_surprise(
    format_name: str, data: st.DataObject
) -> None:
    good = bytearray(encode(two_colours(40, 30), format_name))
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        prepared = prepare(bytes(good))
    except DropserveError:
        return
    assert prepared.content_type in MEDIA_TYPES.values()
