"""Images that attackers send, each made here from its description, with the codes that may refuse it."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

from drops.photo_formats import MEDIA_TYPES
from tests.support.costly_photos import COSTLY_PHOTOS
from tests.support.seeded_noise import noise
from tests.unit.inference.images.pictures import encode, two_colours

NO_IMAGE, DAMAGED, TOO_LARGE = "not_an_image", "damaged_image", "too_many_pixels"
TOO_COSTLY = "image_too_costly"


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2, interlace: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    end = png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + b"".join(chunks) + end


def pixels(data: bytes) -> bytes:
    return png_chunk(b"IDAT", zlib.compress(data, 9))


def gif(width: int, height: int, rest: bytes = b"") -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF0, 0, 0) + b"\0" * 6 + rest


def gif_frame(width: int, height: int, code: bytes = b"\x02\x16") -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + code


def webp(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def vp8x(width: int, height: int, flags: int = 0) -> bytes:
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"VP8X" + struct.pack("<IB3x", 10, flags) + size


def bmp(width: int, height: int, bits: int = 24, compression: int = 0, rest: bytes = b"") -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(rest), 0, 0, 54) + head + rest


def jpeg(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims another size than its data has."""
    data = bytearray(encode(two_colours(64, 64), "JPEG"))
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_with(segment: bytes) -> bytes:
    """A JPEG of one more segment, and cut in half."""
    data = encode(two_colours(64, 64), "JPEG")
    return data[:2] + segment + data[2 : len(data) // 2]


def cut(format_name: str, share: float) -> bytes:
    data = encode(noise((300, 200), 90).convert("RGB"), format_name)
    return data[: int(len(data) * share)]


def flipped(format_name: str, where: float) -> bytes:
    """An image with a run of bytes overwritten in its data."""
    data = bytearray(encode(noise((300, 200), 90).convert("RGB"), format_name))
    start = int(len(data) * where)
    data[start : start + 64] = b"\xff\xd9" * 32
    return bytes(data)


def zip_with_image_head() -> bytes:
    return b"PK\x03\x04" + encode(two_colours(10, 10), "PNG")


def tiff_bomb() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (9000, 9000)).save(stream, "TIFF", compression="group4")
    return stream.getvalue()


# The lambda makes it when the test runs.
HOSTILE_IMAGES: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    # pixel bombs: small files that would fill the memory
    "png 50000 x 50000": (lambda: png(50_000, 50_000, pixels(b"\0" * 1000)), {TOO_LARGE}),
    "png of the largest size": (lambda: png(2**31 - 1, 2**31 - 1, pixels(b"\0")), {TOO_LARGE}),
    "png 1 x 100 million": (lambda: png(1, 100_000_000, pixels(b"\0" * 1000)), {TOO_LARGE}),
    "png 100 million x 1": (lambda: png(100_000_000, 1, pixels(b"\0" * 1000)), {TOO_LARGE}),
    "png of real zeros": (lambda: png(9000, 9000, pixels(b"\0" * 9000 * 27_001)), {TOO_LARGE}),
    "png grey 1 bit": (lambda: png(20_000, 20_000, pixels(b"\0"), depth=1, colour=0), {TOO_LARGE}),
    "png interlaced": (lambda: png(30_000, 30_000, pixels(b"\0"), interlace=1), {TOO_LARGE}),
    "gif 65535 x 65535": (lambda: gif(65_535, 65_535, gif_frame(65_535, 65_535)), {TOO_LARGE}),
    "gif of a frame larger than itself": (
        lambda: gif(10, 10, gif_frame(65_535, 65_535) + b"\0;"),
        {TOO_LARGE, DAMAGED, NO_IMAGE},
    ),
    "webp canvas 16000 x 16000": (lambda: webp(vp8x(16_000, 16_000, 2)), {TOO_LARGE}),
    "webp canvas of the largest size": (lambda: webp(vp8x(2**24, 2**24)), {TOO_LARGE, NO_IMAGE}),
    "bmp 40000 x 40000": (lambda: bmp(40_000, 40_000), {TOO_LARGE}),
    "bmp upside down": (lambda: bmp(40_000, -40_000), {TOO_LARGE}),
    "bmp run lengths": (lambda: bmp(60_000, 60_000, 8, 1, b"\xff\0" * 100), {TOO_LARGE, NO_IMAGE}),
    "bmp of the largest size": (lambda: bmp(2**31 - 1, 2**31 - 1), {TOO_LARGE, NO_IMAGE}),
    "jpeg 65500 x 65500": (lambda: jpeg(65_500, 65_500), {TOO_LARGE}),
    "jpeg 65535 x 700": (lambda: jpeg(65_535, 700), {TOO_LARGE}),
    # sizes that are none
    "png 0 x 0": (lambda: png(0, 0, pixels(b"\0")), {DAMAGED, NO_IMAGE}),
    "gif 0 x 0": (lambda: gif(0, 0), {DAMAGED, NO_IMAGE}),
    "bmp 0 x 0": (lambda: bmp(0, 0), {DAMAGED, NO_IMAGE}),
    "bmp negative width": (lambda: bmp(-100, 100), {DAMAGED, NO_IMAGE, TOO_LARGE}),
    "jpeg 0 x 0": (lambda: jpeg(0, 0), {DAMAGED, NO_IMAGE}),
    # data that are not what the header says
    "png without data": (lambda: png(64, 64), {DAMAGED}),
    "png of too little data": (lambda: png(640, 480, pixels(b"\0" * 100)), {DAMAGED}),
    "png with a wrong checksum": (
        lambda: png(64, 64, pixels(b"\0" * 64 * 193)).replace(b"\x08\x02\0\0\0", b"\x08\x02\0\0\x01", 1),
        {DAMAGED, NO_IMAGE},
    ),
    "png with data that is no zlib": (lambda: png(64, 64, png_chunk(b"IDAT", b"no zlib")), {DAMAGED}),
    "png with a chunk of 4 GB": (
        lambda: png(64, 64)[:33] + b"\xff\xff\xff\xffIDAT" + b"\0" * 10,
        {DAMAGED, NO_IMAGE},
    ),
    "png with an unknown colour type": (lambda: png(64, 64, pixels(b"\0"), colour=5), {DAMAGED, NO_IMAGE}),
    "png with a bomb of a text": (
        lambda: png(64, 64, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(b"a" * 200_000_000, 9))),
        {DAMAGED, NO_IMAGE, TOO_LARGE},
    ),
    "png with a bomb of a profile": (
        lambda: png(64, 64, png_chunk(b"iCCP", b"a\0\0" + zlib.compress(b"a" * 200_000_000, 9))),
        {DAMAGED, NO_IMAGE, TOO_LARGE},
    ),
    "gif without a frame": (lambda: gif(64, 64, b";"), {DAMAGED, NO_IMAGE}),
    "gif with bad codes": (lambda: gif(64, 64, gif_frame(64, 64, b"\x0c\xff" + b"\xff" * 255)), {DAMAGED}),
    "webp without a picture": (lambda: webp(vp8x(64, 64)), {DAMAGED, NO_IMAGE}),
    "webp that is sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40, {NO_IMAGE}),
    "bmp without pixels": (lambda: bmp(64, 64), {DAMAGED}),
    "bmp of 3 bits": (lambda: bmp(64, 64, 3), {DAMAGED, NO_IMAGE}),
    "jpeg of two bytes": (lambda: b"\xff\xd8", {NO_IMAGE}),
    "jpeg of its start only": (lambda: b"\xff\xd8\xff\xe0", {DAMAGED, NO_IMAGE}),
    "jpeg with an endless segment": (lambda: jpeg_with(b"\xff\xe1\xff\xff" + b"x" * 20), {DAMAGED, NO_IMAGE}),
    "jpeg with a segment of no length": (lambda: jpeg_with(b"\xff\xe1\0\0"), {DAMAGED, NO_IMAGE}),
    "jpeg with mad exif": (
        lambda: jpeg_with(b"\xff\xe1\0\x1cExif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 12),
        {DAMAGED, NO_IMAGE},
    ),
    # whole and half files
    **{
        f"{name.lower()} cut at {share}": (
            lambda name=name, share=share: cut(name, share),
            {DAMAGED, NO_IMAGE, TOO_COSTLY},
        )
        for name in MEDIA_TYPES
        for share in (0.02, 0.5, 0.97)
    },
    "png overwritten": (lambda: flipped("PNG", 0.5), {DAMAGED}),
    # other things
    "html": (lambda: b"<html><img src=x onerror=alert(1)>", {NO_IMAGE}),
    "svg with an entity": (
        lambda: b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///">]>',
        {NO_IMAGE},
    ),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(ls) system", {NO_IMAGE}),
    "pdf": (lambda: b"%PDF-1.7\n", {NO_IMAGE}),
    "tiff": (tiff_bomb, {TOO_LARGE}),
    "zip before a png": (zip_with_image_head, {NO_IMAGE}),
    "gzip of a png": (lambda: gzip.compress(encode(two_colours(10, 10), "PNG")), {NO_IMAGE}),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 50, {NO_IMAGE}),
    "avif": (lambda: b"\0\0\0\x18ftypavif" + b"\0" * 50, {TOO_COSTLY}),
    "icon": (lambda: b"\0\0\x01\0\x01\0" + b"\0" * 50, {NO_IMAGE}),
    "photoshop": (lambda: b"8BPS\0\x01" + b"\0" * 50, {NO_IMAGE}),
    "script": (lambda: b"#!/bin/sh\nrm -rf /\n", {NO_IMAGE}),
    "program": (lambda: b"\x7fELF" + b"\0" * 60, {NO_IMAGE}),
    "nothing": (lambda: b"", {NO_IMAGE}),
    "a zero byte": (lambda: b"\0", {NO_IMAGE}),
    "bitmap in name only": (lambda: b"BM\0\0\0\0\0\0\0\0", {DAMAGED, NO_IMAGE}),
    # small for the time that they would take; small enough for the tests' deployment
    **{
        name: (COSTLY_PHOTOS[name][0], {TOO_COSTLY})
        for name in ("JPEG of 3,000 scans", "JPEG with arithmetic coding", "AVIF of 1,000 frames")
    },
}
