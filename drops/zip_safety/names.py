"""The names of a zip's members as text: what encoding they are in, or that it cannot be told.

APPNOTE 4.4.4 (bit 11), 4.6.9 (Info-ZIP's Unicode Path) and appendix D: without bit 11 a name is CP437.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
What tools do: macOS (Finder, ditto) writes UTF-8 without the bit
(https://github.com/weichsel/ZIPFoundation/issues/63); Windows Explorer the OEM code page of the system's
language up to Windows 11, UTF-8 with the bit since (https://github.com/files-community/Files/pull/17026);
7-Zip the OEM code page where it has the letters, unless told -mcu=on
(https://documentation.help/7-Zip/method.htm); Info-ZIP, Python, Go, Java and .NET UTF-8 with the bit.
"""

import struct
import zlib
from collections.abc import Sequence
from zipfile import ZipInfo

from drops.names import path_parts
from drops.problems import BadDropError, listed

# zipfile is told to read names without bit 11 in this encoding, which keeps every byte.
RAW_ENCODING = "latin-1"
UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
# "Version made by", APPNOTE 4.4.2: Unix, which macOS writes too, and OS X.
_UNIX = (3, 19)
# A letter of GBK is valid UTF-8 with a chance of about 1 in 12.
_ENOUGH_LETTERS = 4
HOW_TO_ZIP = (
    "zip the folders anew with names in UTF-8: on Windows with 7-Zip and its parameter cu=on, anywhere with "
    "`python3 -m zipfile -c photos.zip FOLDER`; or give them names without accents"
)


def raw_name(info: ZipInfo) -> bytes:
    """A member's name as it stands in the archive."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & UTF8_FLAG else RAW_ENCODING)


def decode_names(infos: Sequence[ZipInfo]) -> list[str]:
    """The members' names. Raises BadDropError when the encoding of a folder's name cannot be told.

    A photo's own name only labels it: there, bytes that cannot be told become `%94`.
    """
    told = [_told(info) for info in infos]
    unclear = [info for info, name in zip(infos, told, strict=True) if name is None]
    untold = [raw_name(info) for info in unclear]
    if _speak_utf8(unclear):
        return [name or raw_name(info).decode() for info, name in zip(infos, told, strict=True)]
    lost = sorted({_shown(raw.rpartition(b"/")[0] or raw) for raw in untold if not _has_plain_folders(raw)})
    if lost:
        raise BadDropError(
            "unknown_encoding",
            f"the encoding of folder names in the zip cannot be told: {listed(lost)}; {HOW_TO_ZIP}",
            lost,
        )
    return [name or _shown(raw_name(info)) for info, name in zip(infos, told, strict=True)]


def no_utf8(problem: UnicodeDecodeError) -> BadDropError:
    """What zipfile raises over a name that bit 11 calls UTF-8, as a refusal."""
    name = _shown(problem.object)
    return BadDropError(
        "unknown_encoding",
        f"the name '{name}' in the zip is marked as UTF-8, but is not; {HOW_TO_ZIP}",
        [name],
    )


def _told(info: ZipInfo) -> str | None:
    """The name, where bit 11, a Unicode Path or plain ASCII says how to read it."""
    if info.flag_bits & UTF8_FLAG:
        return info.orig_filename
    raw = raw_name(info)
    if raw.isascii():
        return raw.decode("ascii")
    return _unicode_path(info.extra, raw)


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Version 1, then the CRC-32 of the name that it stands for, then the name in UTF-8."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if (
            kind == _UNICODE_PATH
            and body[:5] == struct.pack("<BL", 1, zlib.crc32(raw))
            and _is_utf8(body[5:])
        ):
            return body[5:].decode()
    return None


def _speak_utf8(infos: Sequence[ZipInfo]) -> bool:
    """Whether names without a mark are UTF-8 all the same.

    By chance, a letter or two of a Windows code page are valid UTF-8 as well (the GBK of a cat is an "è").
    """
    raws = [raw_name(info) for info in infos]
    if not all(map(_is_utf8, raws)):
        return False
    letters = {letter for raw in raws for letter in raw.decode() if not letter.isascii()}
    return all(info.create_system in _UNIX for info in infos) or len(letters) >= _ENOUGH_LETTERS


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _has_plain_folders(raw: bytes) -> bool:
    """Whether only the last part has letters beyond ASCII."""
    return all(part.isascii() for part in path_parts(raw.decode(RAW_ENCODING))[:-1]) and not raw.endswith(
        (b"/", b"\\")
    )


def _shown(raw: bytes) -> str:
    """ASCII stays, every other byte as `%94`."""
    return "".join(chr(byte) if byte < 0x80 else f"%{byte:02x}" for byte in raw)
