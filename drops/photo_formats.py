"""The photo formats that are read, told apart by content; the same in inspection, training and inference.

A name's suffix and a header's media type may say anything; the first bytes decide.
"""

# What tells every format below apart; the brand list of an AVIF or HEIC file may be longer.
SIGNATURE_BYTES = 32

# Format (as Pillow names it) -> media type.
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
}
FORMATS_SENTENCE = "JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF"

# Pictures that are known, but not read: format -> what to do.
UNREAD_FORMATS = {
    "HEIC": "HEIC photos are not read: export them as JPEG (on an iPhone: Settings, Camera, Formats, "
    "Most Compatible)",
    "JPEG XL": "JPEG XL photos are not read: convert them to JPEG or PNG",
    "JPEG 2000": "JPEG 2000 photos are not read: convert them to JPEG or PNG",
    "camera raw": "Photos in a camera's raw format are not read: export them as JPEG",
    "SVG": "SVG drawings are not read: export them as PNG",
}

# ISO base media brands: https://aomediacodec.github.io/av1-avif/ and ISO/IEC 23008-12, annex B.
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
_CANON_RAW_BRAND = b"crx "  # CR3
# Of the second header: its versions are told by it. Two letters alone begin many a text.
_BMP_HEADER_SIZES = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")


# Canon (CR2), Fujifilm, Olympus and Panasonic: https://github.com/file/file/blob/master/magic/Magdir/images
_CAMERA_RAW = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")


# Grey of 16 bits becomes grey of 8 bits by its upper half.
GREY_STEP = 256
_MAX_16_BITS = 2**16 - 1
UNREAD_DEPTH = (
    "the pixels are floating-point or 32-bit numbers, which say no black and no white; "
    "save it with 8 or 16 bits"
)


def is_grey_of_16_bits(lowest: float, highest: float) -> bool:
    """Of whole numbers, by the lowest and the highest: a file of 32 bits may hold no more than 16."""
    return lowest >= 0 and highest <= _MAX_16_BITS


def photo_format(head: bytes | bytearray) -> str | None:
    """The format of content with these first SIGNATURE_BYTES bytes: a key of MEDIA_TYPES, or None."""
    found = _signature(bytes(head[:SIGNATURE_BYTES]))
    return found if found in MEDIA_TYPES else None


def unread_format(head: bytes | bytearray) -> str | None:
    """The name of a picture format that is known but not read: a key of UNREAD_FORMATS, or None."""
    found = _signature(bytes(head[:SIGNATURE_BYTES]))
    return found if found in UNREAD_FORMATS else None


def why_unread(head: bytes | bytearray) -> str:
    """Of content in no format of MEDIA_TYPES: what it is, and what to do where that is known."""
    known = unread_format(head)
    return UNREAD_FORMATS[known] if known else f"the content is not one of {FORMATS_SENTENCE}"


def _signature(head: bytes) -> str | None:  # noqa: C901, PLR0911 - a table of signatures, one line each
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"BM") and head[14:18] in _BMP_HEADER_SIZES:
        return "BMP"
    if head.startswith(_CAMERA_RAW) or (head.startswith(b"II*\0") and head[8:10] == b"CR"):
        return "camera raw"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):  # the last two: BigTIFF
        return "TIFF"
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head.startswith(_JPEG_XL):
        return "JPEG XL"
    if head.startswith(_JPEG_2000):
        return "JPEG 2000"
    return "SVG" if b"<svg" in head.lower() else None


def _iso_media(head: bytes) -> str | None:
    """By the major brand, then by the compatible ones after it: a file of brand `mif1` may be either."""
    brands = [head[8:12], *(head[start : start + 4] for start in range(16, len(head) - 3, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIC_BRANDS:
            return "HEIC"
        if brand == _CANON_RAW_BRAND:
            return "camera raw"
    return None
