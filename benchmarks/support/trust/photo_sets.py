"""Two real sets of photos with labels: the demo's food, and Tux Paint's stamps; fetched, never committed.

Debian's package `tuxpaint-stamps-default` (161 MB) has photos of animals, plants and food, cut out on a
transparent ground, under GPL-2.0-or-later.
"""

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from PIL import Image

from deploy_scripts.demo_data import DEMO_GROUPS, prepare_photos
from deploy_scripts.packaging.archives import make_zip, sha256_of
from deploy_scripts.project import cache_folder

_PACKAGE = "tuxpaint-stamps-default=2022.06.04-1"
_PACKAGE_SHA256 = "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34"
_STAMPS = "usr/share/tuxpaint/stamps/"
# Class -> where its photos lie; drawings lie in folders named cartoon.
_STAMP_FOLDERS = {
    "birds": "animals/birds/",
    "flowers": "plants/flowers/",
    "fruit": "food/fruit/",
    "mammals": "animals/mammals/",
    "vegetables": "food/vegetables/",
}
# The longer side; some stamps have 20 megapixels.
_STAMP_PIXELS = 512


class PhotosError(Exception):
    """A set cannot be fetched; the message says why."""


def food() -> Path:
    """A zip of 233 photos in five class folders."""
    return prepare_photos("food", DEMO_GROUPS).zip_file


def stamps() -> Path:
    """A zip of 169 photos in five class folders. Raises PhotosError without Debian's or Ubuntu's apt-get."""
    folder = cache_folder() / "tuxpaint-stamps-2022.06.04"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
        try:
            _unpack_stamps(_download_stamps(unfinished), unfinished)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    files = {f"{file.parent.name}/{file.name}": file for file in sorted(folder.glob("*/*.jpg"))}
    return make_zip(files, cache_folder() / f"stamps-{len(files)}.zip", compress=False)


SETS = {"food": food, "stamps": stamps}


def _download_stamps(folder: Path) -> Path:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise PhotosError("the stamps come as a Debian package: run it on Debian or Ubuntu")
    command = ["apt-get", "download", _PACKAGE]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    packages = list(folder.glob("*.deb"))
    if result.returncode != 0 or not packages:
        raise PhotosError(f"{' '.join(command)}: {result.stderr.strip()}")
    if sha256_of(packages[0]) != _PACKAGE_SHA256:
        raise PhotosError(f"apt-get gave another file for {_PACKAGE} than is expected")
    return packages[0]


def _unpack_stamps(package: Path, folder: Path) -> None:
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive,
    ):
        for member in archive:
            path = member.name.removeprefix("./").removeprefix(_STAMPS)
            label = next((name for name, start in _STAMP_FOLDERS.items() if path.startswith(start)), None)
            if label and path.endswith(".png") and "/cartoon/" not in path:
                source = archive.extractfile(member)
                if source:
                    _write_stamp(source.read(), folder / label / f"{Path(path).stem}.jpg")
    package.unlink()


def _write_stamp(png: bytes, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    with Image.open(io.BytesIO(png)) as stamp:
        stamp.thumbnail((_STAMP_PIXELS, _STAMP_PIXELS))
        rgba = stamp.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    Image.alpha_composite(white, rgba).convert("RGB").save(file, "JPEG", quality=90)
