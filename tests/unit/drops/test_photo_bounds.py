"""Photos that would take long to decode are refused with a reason; what cameras and encoders make passes."""

import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drops.image_headers import PhotoBoundsError, PhotoPixelsError, check_photo
from drops.photo_formats import MEDIA_TYPES, photo_format
from tests.support.costly_photos import (
    COSTLY_PHOTOS,
    avif,
    avif_claiming,
    avif_of_frames,
    encoded,
    jpeg,
    jpeg_of_scans,
    jpeg_tiff,
    png,
    png_chunk,
    run_length_bmp,
    segment,
    tiff_of_strips,
)
from tests.support.seeded_noise import noise

pytestmark = pytest.mark.slow

MAX_PIXELS = 40_000_000
NOISE = noise((320, 240), 90).convert("RGB")
FRAMES = [Image.new("RGB", (64, 48), (20 * number, 0, 0)) for number in range(12)]


def check(photo: bytes, max_pixels: int = MAX_PIXELS) -> None:
    format_name = photo_format(photo)
    assert format_name, "the test's own photo is none"
    check_photo(photo, format_name, max_pixels)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", COSTLY_PHOTOS)
def test_a_costly_photo_is_refused_with_its_reason(name: str) -> None:
    make, word = COSTLY_PHOTOS[name]
    photo = make()
    assert len(photo) < 20_000_000

    with pytest.raises(PhotoBoundsError, match=word):
        check(photo)


ORDINARY: dict[str, Callable[[], bytes]] = {
    **{f"plain {name}": (lambda name=name: encoded(NOISE, name)) for name in MEDIA_TYPES},
    "progressive JPEG": lambda: encoded(NOISE, "JPEG", progressive=True, quality=95),
    "JPEG of 12 scans and 40 megapixels": lambda: jpeg_of_scans(12, 6400, 6200),
    "JPEG with a restart marker a block": lambda: encoded(NOISE, "JPEG", restart_marker_blocks=1),
    "JPEG with a profile of several segments": lambda: encoded(NOISE, "JPEG", icc_profile=bytes(3_000_000)),
    "JPEG with a few fill bytes": lambda: jpeg(behind_soi=b"\xff" * 300),
    "JPEG with a film behind it": lambda: encoded(NOISE, "JPEG") + b"\xff\xda\xff\xff" * 1_000_000,
    "JPEG with a preview in its metadata": lambda: jpeg(
        behind_soi=segment(0xE1, encoded(NOISE, "JPEG", progressive=True)) * 20
    ),
    "JPEG of several pictures": lambda: encoded(NOISE, "MPO", save_all=True, append_images=[NOISE] * 9),
    "grey JPEG": lambda: encoded(NOISE.convert("L"), "JPEG"),
    "PNG of 500 texts": lambda: png(png_chunk(b"tEXt", b"a\0b") * 500),
    "PNG with its pixels in small pieces": lambda: png(png_chunk(b"IDAT") * 60_000),
    "animated PNG": lambda: encoded(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
    "animated GIF": lambda: encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "GIF with a comment": lambda: encoded(NOISE, "GIF", comment=b"x" * 60_000),
    "animated WebP": lambda: encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
    "BMP of run lengths": lambda: run_length_bmp(1200, 900, b"\xff\0" * 4500),
    "black and white BMP": lambda: encoded(NOISE.convert("1"), "BMP"),
    **{
        f"TIFF in {compression}": (lambda c=compression: encoded(NOISE, "TIFF", compression=c))
        for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg", "zstd", "lzma")
    },
    "white TIFF of 40 megapixels": lambda: encoded(
        Image.new("1", (6000, 6600), 1), "TIFF", compression="group4"
    ),
    "TIFF of a JPEG a strip": lambda: jpeg_tiff(10, 64, strips=400),
    "TIFF of a row a strip": lambda: tiff_of_strips(60_000),
    "TIFF of several pages": lambda: encoded(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]),
    "BigTIFF": lambda: encoded(NOISE, "TIFF", big_tiff=True, compression="tiff_lzw"),
    "TIFF of big-endian numbers": lambda: encoded(Image.new("I;16B", (64, 48)), "TIFF"),
    "transparent AVIF": lambda: encoded(NOISE.convert("RGBA"), "AVIF", speed=10),
    "lossless AVIF": lambda: encoded(NOISE, "AVIF", speed=10, quality=100, subsampling="4:4:4"),
    "AVIF in layers": lambda: avif_of_frames(4),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_photo_passes(name: str) -> None:
    check(ORDINARY[name]())


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_a_photo_that_is_cut_short_passes_to_its_decoder(name: str) -> None:
    photo = encoded(NOISE, name)
    for kept in (len(photo) // 2, 40, 33):
        try:
            check(photo[:kept])
        except PhotoBoundsError as error:
            assert name == "AVIF", error  # without its boxes, nobody knows what libavif would decode


def test_the_true_size_of_an_avif_counts() -> None:
    photo = avif_claiming(64, 64, 3000, 2000)
    with Image.open(io.BytesIO(photo)) as image:
        assert image.size == (64, 64), "libavif believes the container"

    check(photo, max_pixels=6_000_000)
    with pytest.raises(PhotoPixelsError, match="6000000"):
        check(photo, max_pixels=5_999_999)


def with_header(sequence: str, frame: str) -> bytes:
    """A small AVIF whose AV1 data are these bits: sequence header and frame header."""
    data = avif()
    start = data.index(b"mdat") + 4

    def unit(kind: int, bits: str) -> bytes:
        bits += "0" * (-len(bits) % 8) + "0" * 800
        content = int(bits, 2).to_bytes(len(bits) // 8)
        return bytes([kind << 3 | 2, len(content)]) + content

    content = unit(1, sequence) + unit(6, frame)
    head = data[: start - 8].replace(struct.pack(">I", len(data) - start), struct.pack(">I", len(content)))
    return head + struct.pack(">I", len(content) + 8) + b"mdat" + content


def number(value: int, bits: int) -> str:
    return f"{value:0{bits}b}"


# A sequence header that is not of a still picture: profile and two flags; timing; no delay, one operating
# point; 100 x 50 pixels in fields of 16 bits; no frame ids, no tools, both choices left to the frames.
PROFILE, NO_TIMING = "000" + "00", "0"
REST = "0" + "00000" + number(0, 12) + "00101"
REST += number(15, 4) * 2 + number(99, 16) + number(49, 16) + "0" + "000" + "0000" + "0" + "1" + "1"
FULL = PROFILE + NO_TIMING + REST


def test_a_frame_may_have_a_size_of_its_own() -> None:
    """Its flag stands behind others; 16 bits a side may then say 65,536 x 65,536."""
    shown_key_frame = "0" + "00" + "1" + "0" + "0"

    check(with_header(FULL, shown_key_frame + "0"), max_pixels=5000)
    with pytest.raises(PhotoPixelsError, match="5000 pixels"):
        check(with_header(FULL, shown_key_frame + "0"), max_pixels=4999)
    with pytest.raises(PhotoPixelsError, match=str(65_536**2)):
        check(with_header(FULL, shown_key_frame + "1"))


def test_a_hidden_frame_may_have_a_size_of_its_own_too() -> None:
    hidden_inter_frame = "0" + "01" + "0" + "0" + "1" + "0" + "1" + "0"

    check(with_header(FULL, hidden_inter_frame + "0"))
    with pytest.raises(PhotoPixelsError, match=str(65_536**2)):
        check(with_header(FULL, hidden_inter_frame + "1"))


def test_a_header_with_timing_is_read_past_it() -> None:
    equal_interval = "1" + number(1, 32) * 2 + "1" + "00101" + "0"
    # An interval that varies, and a decoder model: each shown frame then has a time of its own, of 8 bits.
    model = "1" + number(1, 32) * 2 + "0" + "1" + number(9, 5) + number(1, 32) + number(9, 5) + number(7, 5)
    operating_point = "00101"
    with_model = REST.replace(operating_point, operating_point + "0", 1)

    for header, time in (
        (PROFILE + equal_interval + REST, ""),
        (PROFILE + model + with_model, number(255, 8)),
    ):
        frame = "0" + "00" + "1" + time + "0" + "0"
        with pytest.raises(PhotoPixelsError, match="of 5000 pixels"):
            check(with_header(header, frame + "0"), max_pixels=4999)
        with pytest.raises(PhotoPixelsError, match=str(65_536**2)):
            check(with_header(header, frame + "1"))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(MEDIA_TYPES)), st.data())
def test_any_bytes_pass_or_are_refused_but_nothing_else(name: str, data: st.DataObject) -> None:
    photo = bytearray(encoded(FRAMES[0], name))
    for _ in range(data.draw(st.integers(0, 12))):
        photo[data.draw(st.integers(0, len(photo) - 1))] = data.draw(st.integers(0, 255))
    kept = data.draw(st.integers(0, len(photo)))
    try:
        check_photo(bytes(photo[:kept]), name, MAX_PIXELS)
    except PhotoBoundsError as error:
        assert str(error)
