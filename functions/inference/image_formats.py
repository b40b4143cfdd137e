"""The image formats that are taken, told apart by content: a name or a header may say anything."""

from functions.inference.errors import NotAnImageError

SIGNATURE_BYTES = 12

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
}


def image_format(head: bytes | bytearray) -> str:
    """The format of content with these first SIGNATURE_BYTES bytes: a key of CONTENT_TYPES.

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
