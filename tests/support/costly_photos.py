"""Photos that are small for the time that decoding them would take, each made here from its description."""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_name, **options)
    return stream.getvalue()


def plain(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height))


def jpeg(*, behind_soi: bytes = b"", before_eoi: bytes = b"", **options: object) -> bytes:
    data = encoded(plain(64, 64), "JPEG", **options)
    return data[:2] + behind_soi + data[2:-2] + before_eoi + data[-2:]


def jpeg_of_scans(count: int, width: int = 64, height: int = 64) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    data = encoded(plain(width, height), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (count - data.count(b"\xff\xda")) + data[-2:]


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def arithmetic_jpeg() -> bytes:
    return jpeg().replace(b"\xff\xc0", b"\xff\xc9", 1)


def png_chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(behind_header: bytes = b"", before_end: bytes = b"") -> bytes:
    data = encoded(plain(64, 64), "PNG")
    return data[:33] + behind_header + data[33:-12] + before_end + data[-12:]


def profile_bomb() -> bytes:
    return png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000), 9))


def gif(before_picture: bytes) -> bytes:
    data = encoded(plain(64, 64, "P"), "GIF")
    start = data.index(b",")
    return data[:start] + before_picture + data[start:]


def run_length_bmp(width: int, height: int, runs: bytes, bits: int = 8) -> bytes:
    compression = 1 if bits == 8 else 2
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(runs), 0, 0, 1 << bits, 0
    )
    header += bytes(4 << bits)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(runs), 0, 0, 14 + len(header)) + header + runs


def tiff(tags: dict[int, tuple[int, ...]], content: bytes, big: bool = False) -> bytes:
    """A TIFF of LONG tags; 273 and 324 count from the begin of the content."""
    word, entry, size = ("Q", 20, 8) if big else ("I", 12, 4)
    start = 16 if big else 8
    values_at = start + (8 if big else 2) + entry * len(tags) + size
    content_at = values_at + sum(4 * len(numbers) for numbers in tags.values())
    head = b"II+\0\x08\0\0\0" + struct.pack("<Q", start) if big else b"II*\0" + struct.pack("<I", start)
    head += struct.pack("<Q" if big else "<H", len(tags))
    values = b""
    for tag, numbers in sorted(tags.items()):
        shift = content_at if tag in (273, 324) else 0
        data = struct.pack(f"<{len(numbers)}I", *(number + shift for number in numbers))
        head += struct.pack(f"<HH{word}", tag, 4, len(numbers))
        if len(data) <= size:
            head += data.ljust(size, b"\0")
            values += bytes(len(data))
        else:
            head += struct.pack(f"<{word}", values_at + len(values))
            values += data
    return head + bytes(size) + values + content


def jpeg_tiff(scans: int, side: int, *, strips: int = 1, shared: bool = False, big: bool = False) -> bytes:
    data = jpeg_of_scans(scans, side, side)
    offsets = (0,) * strips if shared else tuple(len(data) * place for place in range(strips))
    tags = {256: (side,), 257: (side * strips,), 258: (8,), 259: (7,), 262: (6,), 277: (3,), 278: (side,)}
    return tiff({**tags, 273: offsets, 279: (len(data),) * strips}, data * (1 if shared else strips), big)


def tiff_of_strips(count: int) -> bytes:
    tags = {256: (1,), 257: (count,), 258: (8,), 259: (1,), 262: (1,), 277: (1,), 278: (1,)}
    return tiff({**tags, 273: (0,) * count, 279: (1,) * count}, b"x")


def avif(width: int = 64, height: int = 64, **options: object) -> bytes:
    return encoded(plain(width, height), "AVIF", speed=10, **options)


def avif_of_frames(count: int, width: int = 64, height: int = 64) -> bytes:
    """One item, whose frame comes again and again."""
    data = avif(width, height)
    start = data.index(b"mdat") + 4
    content = data[start:]
    frame = content[content.index(b"\x32") :]  # an OBU_FRAME with its size, the last unit
    content += frame * (count - 1)
    size = struct.pack(">I", len(data) - start)
    head = data[: start - 8].replace(size, struct.pack(">I", len(content)))
    return head + struct.pack(">I", len(content) + 8) + b"mdat" + content


def avif_claiming(width: int, height: int, true_width: int, true_height: int) -> bytes:
    """The container says one size, the AV1 data another."""
    true, claimed = struct.pack(">II", true_width, true_height), struct.pack(">II", width, height)
    return avif(true_width, true_height).replace(true, claimed)


def animated_avif() -> bytes:
    return avif(save_all=True, append_images=[plain(64, 64)] * 3)


# Name -> the photo, made when the test runs, and a word of the reason. All have fewer than 20 MB and 40 MP.
COSTLY_PHOTOS: dict[str, tuple[Callable[[], bytes], str]] = {
    "JPEG of 3,000 scans": (lambda: jpeg_of_scans(3000), "scans"),
    "JPEG of 60 scans of 36 megapixels": (lambda: jpeg_of_scans(60, 6000, 6000), "scans"),
    "JPEG of 8 MB of fill bytes": (lambda: jpeg(behind_soi=b"\xff" * 8_000_000), "fill"),
    "JPEG of fill bytes behind its scan": (lambda: jpeg(before_eoi=b"\xff" * 8_000_000), "fill"),
    "JPEG of zeros between its segments": (
        lambda: jpeg(behind_soi=segment(0xFE, b"x") + bytes(8_000_000)),
        "fill",
    ),
    "JPEG of escaped zeros": (lambda: jpeg(behind_soi=b"\xff\0" * 4_000_000), "fill"),
    "JPEG of empty comments": (lambda: jpeg(behind_soi=segment(0xFE, b"") * 2_000_000), "segments"),
    "JPEG of segments without a length": (lambda: jpeg(behind_soi=b"\xff\xe1\0\0" * 2_000_000), "segments"),
    "JPEG of restart markers": (lambda: jpeg(behind_soi=b"\xff\xd0" * 4_000_000), "segments"),
    "JPEG of segments that nobody writes": (
        lambda: jpeg(behind_soi=b"\xff\xf0\xff\xff" * 4_000_000),
        "segments",
    ),
    "JPEG of 17 MB of EXIF": (
        lambda: jpeg(behind_soi=segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 270),
        "metadata",
    ),
    "JPEG with arithmetic coding": (arithmetic_jpeg, "arithmetic"),
    "PNG of empty chunks": (lambda: png(png_chunk(b"abCd") * 1_000_000), "chunks"),
    "PNG of empty texts behind its pixels": (
        lambda: png(b"", png_chunk(b"tEXt", b"a\0") * 1_000_000),
        "chunks",
    ),
    "PNG of colour profiles": (lambda: png(profile_bomb() * 2000), "chunks"),
    "PNG of empty pixel chunks": (lambda: png(png_chunk(b"IDAT") * 1_000_000), "chunks"),
    "GIF of empty comments": (lambda: gif(b"!\xfe\0" * 3_000_000), "blocks"),
    "GIF of a comment in pieces of a byte": (lambda: gif(b"!\xfe" + b"\1x" * 5_000_000 + b"\0"), "blocks"),
    "GIF of nothing between its blocks": (lambda: gif(b"\x11" * 9_000_000), "blocks"),
    "GIF of an extension without content": (lambda: gif(b"!\x55\0" + b"\x2c" * 9_000_000 + b"\0"), "blocks"),
    "BMP of empty runs": (lambda: run_length_bmp(64, 64, bytes(18_000_000)), "run-length"),
    "BMP of lines that end at once": (
        lambda: run_length_bmp(6000, 6600, b"\1\0\0\0" * 6600),
        "run-length",
    ),
    "BMP of runs of 16 colours": (lambda: run_length_bmp(6000, 6600, b"\xff\0" * 9, 4), "run-length"),
    "TIFF of a JPEG of 90 scans": (lambda: jpeg_tiff(90, 4000), "scans"),
    "BigTIFF of a JPEG of 90 scans": (lambda: jpeg_tiff(90, 4000, big=True), "scans"),
    "TIFF whose strips are one JPEG": (lambda: jpeg_tiff(99, 64, strips=2000, shared=True), "share"),
    "TIFF of a million strips": (lambda: tiff_of_strips(1_000_000), "strips"),
    "AVIF of 1,000 frames": (lambda: avif_of_frames(1000), "frames"),
    "AVIF of 10 large frames": (lambda: avif_of_frames(10, 6000, 6000), "frames"),
    "AVIF animation": (animated_avif, "animation"),
}
