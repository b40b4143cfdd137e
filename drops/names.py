"""The names in a drop: parted into folders, told apart from clutter, in one normal form, or refused."""

import re
import unicodedata

from drops.limits import MAX_NAME_BYTES
from drops.text import is_unsafe

# What operating systems and network drives lay beside the photos (names that begin with a dot go as well).
_CLUTTER = frozenset(
    {
        "__macosx",  # macOS, in its archives
        "icon\r",  # macOS, the icon of a folder
        "thumbs.db",  # Windows
        "ehthumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "system volume information",
        "@eadir",  # Synology
        "_success",  # the marker of a folder drop (keys.MARKER)
    }
)
# Suffixes that are photos more often than not. Content decides; this only says where to look first.
_PHOTO_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff",
    ".avif",
)  # fmt: skip
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
# Control characters, lone surrogates, and the separators that end a line.
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What reorders a line: https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What shows nothing, such as the variation selectors of emoji and the fillers of Hangul:
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt (Default_Ignorable_Code_Point)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_BRAILLE_BLANK = "\u2800"


def path_parts(name: str) -> tuple[str, ...]:
    """The folders of a name and its file. Some Windows tools write backslashes into archives."""
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def own_name(name: str) -> str:
    """The name without the folders around it; empty for a folder itself."""
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def is_folder(name: str) -> bool:
    """Whether the name of an archive's member or of an S3 object stands for a folder itself."""
    return name.endswith(("/", "\\"))


def is_clutter(parts: tuple[str, ...]) -> bool:
    """Whether something is hidden, or laid there by an operating system, itself or by a folder around it."""
    return any(part.startswith(".") or part.casefold() in _CLUTTER for part in parts)


def has_photo_suffix(name: str) -> bool:
    return name.lower().endswith(_PHOTO_SUFFIXES)


def has_archive_suffix(name: str) -> bool:
    return name.lower().endswith(_ARCHIVE_SUFFIXES)


def class_name(folder: str) -> str:
    """The normal form of a class folder's name: NFC, without blanks at both ends.

    https://www.unicode.org/reports/tr15/: macOS writes decomposed names, other systems composed ones.
    """
    return unicodedata.normalize("NFC", folder).strip()


def alike(label: str) -> str:
    """Equal for class names that differ by upper and lower case, by blanks, by what is invisible, or by the
    form of letters (full width, ligatures) alone.

    https://www.unicode.org/reports/tr44/#NFKC_Casefold
    """
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", label)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def is_unsafe_path(name: str) -> bool:
    """Absolute, with a drive, climbing out, or cut by a NUL: never a name of an honest archive."""
    return bool(re.match(r"[/\\]|[A-Za-z]:", name)) or climbs_out(name) or "\0" in name


def climbs_out(name: str) -> bool:
    return ".." in re.split(r"[/\\]", name)


def folder_fault(folder: str) -> str | None:
    """Why a folder's name cannot be that of a class, as the end of a sentence; None for a good one."""
    if not folder.isprintable() and any(is_unsafe(character) for character in folder):
        return "has control or invisible characters"
    if not _INVISIBLE.sub("", folder).replace(_BRAILLE_BLANK, "").strip():
        return "is blank"
    return length_fault(folder)


def file_fault(file: str) -> str | None:
    """The same for a photo's name, which is only shown: marks that neither reorder nor hide it may stay."""
    # Nearly every name is printable, which costs far less to ask.
    if not file.isprintable() and any(
        unicodedata.category(character) in _CONTROLS or character in _REORDERING for character in file
    ):
        return "has control characters"
    return length_fault(file)


def length_fault(part: str) -> str | None:
    """The same for any name: a folder drop's objects become files on a training machine."""
    too_long = len(part.encode()) > MAX_NAME_BYTES
    return f"is longer than {MAX_NAME_BYTES} bytes" if too_long else None
